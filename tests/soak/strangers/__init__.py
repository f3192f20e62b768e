"""Uses of other people's packages, right and wrong ones, as their documentation has them."""
