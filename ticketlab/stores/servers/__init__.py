"""Database servers that the lab starts for itself: each in a folder of its own, gone with the lab."""
