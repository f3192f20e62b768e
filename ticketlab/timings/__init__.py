"""When things happen: delays by a plan, in real or in virtual time."""
