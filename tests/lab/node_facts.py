"""What makes a machine that very machine: keys, addresses, disks, data.

Read on the machine itself; two readings are compared.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from generator.lab.machine import VirtualMachine

BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
POLL_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What must survive a reboot without the seed."""

    host_keys: str
    addresses: str
    machine_id: str
    hostname: str
    users: str


@dataclass(frozen=True, slots=True)
class Data:
    """What must survive a new root disk: UUIDs of LVM and file systems, and the data directory itself.

    `birth` is inode and birth time of PG_VERSION: a new initdb or pg_basebackup makes another file.
    """

    volumes: str
    file_systems: str
    birth: str


def read_identity(machine: VirtualMachine) -> Identity:
    """Return who a machine is; the virtual address is left out, it belongs to the cluster."""
    addresses = machine.run("ip", "-4", "-o", "address", "show", "scope", "global").stdout.splitlines()
    return Identity(
        host_keys=machine.run("sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub").stdout,
        # Column 4 is address/prefix; `valid_lft` and the like behind it say nothing here.
        addresses=" ".join(sorted({line.split()[3] for line in addresses})),
        machine_id=machine.run("cat", "/etc/machine-id").stdout,
        hostname=machine.run("hostname").stdout,
        users=machine.run("sh", "-c", "getent passwd | cut -d: -f1 | sort").stdout,
    )


def read_data(machine: VirtualMachine, directory: str) -> Data:
    """Return what lies on a member's data disks; `directory` is PostgreSQL's data directory."""
    volumes = machine.run(
        "lvs", "--noheadings", "-o", "vg_name,vg_uuid,lv_name,lv_uuid", "--sort", "lv_name"
    ).stdout
    systems = machine.run("sh", "-c", "findmnt -no UUID /pgdata && findmnt -no UUID /pgwal").stdout
    birth = machine.run("stat", "-c", "%i %W", f"{directory}/PG_VERSION").stdout
    return Data(volumes, systems, birth)


def read_boot(machine: VirtualMachine) -> str:
    """Return the kernel's id of this boot: another one means that the machine really booted."""
    return machine.run("cat", BOOT_ID).stdout.strip()


def wait_for_reset(machine: VirtualMachine, boot: str, timeout_s: float) -> None:
    """Wait until somebody can log in to another boot than a known one.

    Raises:
        TimeoutError: it is still the same, or nobody can.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        # A machine that is being reset answers nobody, or breaks the connection.
        with suppress(ToolFailed):
            if machine.run("cat", BOOT_ID, timeout_s=30).stdout.strip() != boot:
                return
        time.sleep(POLL_S)
    raise TimeoutError(f"{machine.name} did not boot anew within {timeout_s:g} s")


def sort_by_slot(rows: Iterable[list[str]]) -> list[str]:
    """Return the serial numbers of [slot, serial number], slots compared as numbers: 2 comes before 15."""
    pairs = [(row[0], row[1]) for row in rows if len(row) == 2 and row[1].startswith("holster-")]
    return [
        serial for _, serial in sorted(pairs, key=lambda pair: [int(part) for part in pair[0].split(":")])
    ]
