"""Files that the lab writes and reads back."""
