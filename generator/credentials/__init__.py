"""Secrets of a cluster: made once, kept apart from the spec, never remade by a render."""
