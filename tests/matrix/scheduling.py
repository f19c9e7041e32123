"""Which worker runs which test of the matrix: one cluster is one worker's, and is booted once."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling


def find_place(test: str) -> str:
    """Return the cluster of a test's id: `...[trio-failsafe-off:link-primary-5]` is `trio-failsafe-off`'s."""
    return test.rpartition("[")[2].rstrip("]").partition(":")[0]


class ByPlace(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Tests with the same cluster go to the same worker, one cluster after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return find_place(nodeid)
