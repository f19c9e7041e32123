"""Scenario 8: the data disks are attached in the other order; the spec selects them by serial number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.figures import record
from tests.lab.node_facts import sort_by_slot
from tests.lab.specs import SWAPPED

if TYPE_CHECKING:
    from generator.lab.machine import VirtualMachine
    from tests.lab.odd_boot import OddBoot

pytestmark = pytest.mark.lab


def read_serials(machine: VirtualMachine) -> dict[str, str]:
    """Return the serial number by disk name, as `lsblk` prints them."""
    lines = machine.run("lsblk", "-dnro", "NAME,SERIAL").stdout.splitlines()
    return {words[0]: words[1] for words in (line.split() for line in lines) if len(words) == 2}


def read_slots(machine: VirtualMachine) -> list[str]:
    """Return our disks' serial numbers in the order in which they are attached, whatever their letters."""
    lines = machine.run("lsblk", "-dnro", "HCTL,SERIAL").stdout.splitlines()
    return sort_by_slot(line.split() for line in lines)


def read_volumes(machine: VirtualMachine) -> dict[str, str]:
    """Return the name of the disk below each logical volume."""
    lines = machine.run("lvs", "--noheadings", "-o", "lv_name,devices", "pg").stdout.splitlines()
    pairs = (line.split() for line in lines)
    return {name: devices.partition("(")[0].removeprefix("/dev/") for name, devices in pairs}


def test_data_and_wal_land_on_the_disks_with_their_serial_numbers(odd: OddBoot) -> None:
    """The WAL disk is attached before the data disk here; the volumes follow the serial numbers."""
    machine = odd.lab.nodes[SWAPPED]
    serials, volumes = read_serials(machine), read_volumes(machine)
    assert read_slots(machine) == ["holster-root", "holster-wal", "holster-data"], "really swapped"
    assert serials[volumes["pg_data"]] == "holster-data"
    assert serials[volumes["pg_wal"]] == "holster-wal"
    sources = machine.run("sh", "-c", "findmnt -no SOURCE /pgdata; findmnt -no SOURCE /pgwal").stdout.split()
    assert sources == ["/dev/mapper/pg-pg_data", "/dev/mapper/pg-pg_wal"]
    # Where PostgreSQL itself writes, not where it was told to.
    directory = odd.lab.sql("show data_directory", on=SWAPPED).strip()
    wal = machine.run("readlink", "-f", f"{directory}/pg_wal").stdout.strip()
    assert directory.startswith("/pgdata/")
    assert wal.startswith("/pgwal/")
    record(
        8,
        "disks attached in the other order: data and WAL are on the disks with their serial numbers",
        {"data on": f"{volumes['pg_data']} (holster-data)", "WAL on": f"{volumes['pg_wal']} (holster-wal)"},
    )
