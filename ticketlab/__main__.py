"""`python -m ticketlab` is the same as `ticketlab`."""

from ticketlab.cli import main

if __name__ == "__main__":
    main()
