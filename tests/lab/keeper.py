"""At most one cluster at a time: two cores cannot emulate two clusters.

A cluster stays up as long as the scenarios that follow each other want the same one;
another one's turn ends it, and so does the end of the session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.lab.cluster import Lab


class Keeper:
    """Keeps the cluster that is up."""

    def __init__(self, open_one: Callable[[str], Lab]) -> None:
        """Take a function that opens a lab, not yet started, by the name of its spec."""
        self._open = open_one
        self._name: str | None = None
        self._lab: Lab | None = None

    def get(self, name: str, boot: Callable[[Lab], None]) -> Lab:
        """Return the named cluster: the one that is up, or a new one after `boot` did its work."""
        if self._lab is not None and self._name == name:
            return self._lab
        lab = self.open_fresh(name)
        boot(lab)
        # Only now: a cluster whose boot failed is not offered to the next scenario.
        self._name = name
        return lab

    def open_fresh(self, name: str) -> Lab:
        """Return a new lab of this spec, nothing started; the one before is closed."""
        self.close()
        lab = self._open(name)
        lab.__enter__()
        self._lab = lab
        return lab

    def close(self) -> None:
        """End the cluster that is up."""
        lab, self._lab, self._name = self._lab, None, None
        if lab is not None:
            lab.__exit__(None, None, None)
