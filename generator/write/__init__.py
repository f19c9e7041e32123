"""The tree on the disk, whole or not at all.

In: rendered files.  Out: the cluster's folder and its manifest.
"""
