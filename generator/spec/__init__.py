"""The cluster spec.

In: YAML text.  Out: a frozen ClusterSpec, or problems with their positions.
"""
