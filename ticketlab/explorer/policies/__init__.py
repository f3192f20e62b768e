"""What chooses who moves next: one file per policy, the same two methods in each."""
