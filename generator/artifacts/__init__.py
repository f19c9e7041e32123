"""What a build without a network needs.

In: a spec and addresses.  Out: a folder of files with their digests, and commands for the rest.
"""
