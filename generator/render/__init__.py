"""Resolved nodes in, text in memory out.  Never touches the disk."""
