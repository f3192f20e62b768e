"""What the families of probes know of files: their names and resources, their descriptors, and how they are opened."""
