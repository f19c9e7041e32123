"""Text in memory; never touches the disk.

In: a resolved cluster and its bundle.  Out: a RenderedTree: path, bytes, mode, secret or not.
"""
