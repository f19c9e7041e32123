"""What the lab reads on its machines."""

from __future__ import annotations

from tests.lab.node_facts import sort_by_slot


def test_slots_are_compared_as_numbers_and_the_seed_is_no_disk_of_ours() -> None:
    """As seen on a machine: the seed in slot 15 stood between the disks in slots 0 and 1."""
    rows = [["0:0:15:0", "seed"], ["0:0:2:0", "holster-wal"], ["0:0:1:0", "holster-data"], ["0:0:0:0"]]
    assert sort_by_slot(rows) == ["holster-data", "holster-wal"]
    assert sort_by_slot([["0:0:15:0", "holster-b"], ["0:0:2:0", "holster-a"]]) == ["holster-a", "holster-b"]
