"""What keeps the books: one file per store."""
