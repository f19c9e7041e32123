"""Files that hold files.

In: rendered files and the program of the machines.  Out: seed images and one archive, always the same bytes.
"""
