"""A store and a strategy of a third party."""
