"""Secrets of a cluster, made once and kept apart from the spec.

In: identities, clock and entropy.  Out: a CredentialBundle, which is only ever extended.
"""
