"""`ticketlab`, and `python -m ticketlab`, which is the same."""

import gc


def main() -> None:
    """Run the command line; importing makes many objects and hardly any garbage, so that is not looked for so often."""
    gc.set_threshold(50_000)
    try:
        from ticketlab.cli import main as run

        run()
    finally:
        gc.freeze()  # or the interpreter would look through everything once more as it ends


if __name__ == "__main__":
    main()
