"""The conformance kit for people's own stores and strategies."""
