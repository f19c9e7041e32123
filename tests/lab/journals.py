"""Look for the secrets of a cluster in what its machines wrote down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.fakes.leaks import find_leaks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from generator.lab.cluster import Lab

READ_S: Final = 180.0
"""Under emulation the journal of some boots takes its time."""


def find_journal_leaks(lab: Lab, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of the bundle's secrets that stand in journal or console, by machine.

    Every boot and every unit counts, also those of first boots that failed. Machines that are
    clean are left out; the secrets themselves are never shown.

    Raises:
        ToolFailed: a machine cannot be reached.
    """
    found = {}
    for name in names:
        machine = lab.nodes[name]
        journal = machine.run("journalctl", "--no-pager", "-o", "cat", "-a", timeout_s=READ_S).stdout
        assert "holster" in journal, f"{name} has no journal to look at"
        console = machine.console.read_text("utf-8", "replace")
        found[name] = find_leaks(lab.site.bundle, f"{journal}\n{console}")
    return {name: leaks for name, leaks in found.items() if leaks}
