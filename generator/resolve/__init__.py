"""Spec and platform joined; nothing here is secret.

In: a ClusterSpec and a PlatformProfile.  Out: a ResolvedCluster whose nodes leave nothing optional undecided.
"""
