"""What runs participants under control: in one process, or each in its own."""
