"""Scenario 10: the seed disc is taken out after the first boot, and the machine boots again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.lab.figures import record
from tests.lab.node_facts import read_boot, read_identity
from tests.lab.settle import settle

if TYPE_CHECKING:
    from generator.lab.cluster import Lab
    from generator.lab.machine import VirtualMachine

pytestmark = pytest.mark.lab

UNITS: Final = ("consul.service", "patroni.service", "vip-manager.service", "holster-storage.service")
STATUS: Final = "/var/lib/holster/status.json"


def has_seed(machine: VirtualMachine) -> bool:
    """Say whether the machine sees a disc with the label that cloud-init looks for."""
    # -c: no cache, which would remember a disc that is gone. blkid ends with 2 when it finds nothing.
    found = machine.run("blkid", "-c", "/dev/null", "-t", "LABEL=cidata", "-o", "device", check=False)
    return bool(found.stdout.strip())


def test_machine_without_its_seed_boots_as_itself(trio: Lab) -> None:
    """Same host keys, same addresses, same users; every service runs; the first boot does not run again."""
    settle(trio)
    name = trio.cluster_view().replicas[0].name
    machine = trio.nodes[name]
    if not has_seed(machine):
        pytest.fail(f"{name} has no seed to take out: the scenario would show nothing")
    identity, boot = read_identity(machine), read_boot(machine)
    record_of_first_boot = machine.run("cat", STATUS).stdout
    machine.shut_down(180)
    machine.detach_seed()
    began = time.monotonic()
    trio.start(name)
    settle(trio)
    healed = time.monotonic() - began
    assert read_boot(machine) != boot
    assert not has_seed(machine)
    assert read_identity(machine) == identity
    assert machine.run("cat", STATUS).stdout == record_of_first_boot
    states = machine.run("systemctl", "is-active", *UNITS, check=False).stdout.split()
    assert states == ["active"] * len(UNITS)
    failed = machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout
    assert failed.strip() == ""
    record(
        10,
        "without its seed a machine booted with the same host keys and addresses, and every service ran",
        {"whole cluster after power-on": healed, "addresses": identity.addresses},
    )
