"""Operating systems, one YAML of facts each.

In: a platform's name and overrides.  Out: a PlatformProfile, or problems.
"""
