"""What participants have done to files and folders, beside changing them, that later calls have to know."""

from __future__ import annotations


class FileUse:
    """Files by their names or inodes, and folders by their paths, in one execution."""

    def __init__(self) -> None:
        self.locked: set[int] = set()
        """The files that have been locked by flock, by inode."""
        self.shared_flags: set[str] = set()
        """The files whose flags several processes have had to do with."""
        self.mapped: set[str] = set()
        """The files that somebody has mapped into its memory to read them."""
        self.listed: dict[str, set[str]] = {}
        """The names that somebody has seen in a folder's list."""
