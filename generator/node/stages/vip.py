"""Stage vip: vip-manager runs; the address is on the leader and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.node.causes import StageFailed
from generator.node.cluster.patroni_api import is_leader
from generator.node.machine.addresses import find_interface
from generator.node.machine.command import CommandFailed
from generator.node.machine.services import ensure_started
from generator.node.machine.web import Unreachable
from generator.node.stage import Stage
from generator.node.stages.patroni import get_patroni
from generator.node.stages.preflight import ask_version, warn_of_version

if TYPE_CHECKING:
    from generator.node.facts.node import Vip
    from generator.node.machine.machine import Machine


class VipStage(Stage):
    """Find the interface, start vip-manager, see that address and role agree."""

    name = "vip"
    deadline = 600
    failure = "vip-wrong"
    programs = ("ip",)
    hints = {
        "vip-interface": "the address of node.json is on no interface, or the interface is down: check the network configuration",
        "vip-wrong": "look at `journalctl -u vip-manager` and at `ip address` on all members",
        "vip-unsupported": "this vip-manager was built without support for the mode: install another build or set vip_manager.mode",
    }

    def is_needed(self, machine: Machine) -> bool:
        """Only members may hold the address."""
        return machine.node.vip is not None

    def apply(self, machine: Machine) -> None:
        """Write the interface down where the unit reads it, then start."""
        vip = get_vip(machine)
        address = machine.node.network.address
        interface = find_interface(machine, address)
        if interface is None:
            raise StageFailed("vip-interface", f"{address} is on no interface of this machine")
        declared = machine.node.network.interface
        if declared not in {None, interface}:
            machine.warn(f"{address} is on {interface}, not on {declared} as declared")
        text = f"VIP_INTERFACE={interface}\n"
        if machine.fs.read(vip.environment_file) != text:
            machine.fs.write(vip.environment_file, text)
        unit = machine.node.units.vip_manager
        configs = [item.path for item in machine.node.files if "vip-manager" in item.path]
        ensure_started(machine, unit, [vip.environment_file, *sorted(configs)])
        program = machine.node.programs.get("vip_manager")
        if program is not None:
            warn_of_version(machine, "vip_manager", ask_version(machine, program))

    def confirm(self, machine: Machine) -> None:
        """Wait until the address is where it belongs and answers."""
        unit = machine.node.units.vip_manager
        machine.wait(
            lambda: find_wrong_vip(machine),
            lambda missing: machine.explain("vip_manager", unit, "vip-wrong", missing),
        )


def get_vip(machine: Machine) -> Vip:
    """Return the virtual address of this member's cluster."""
    if machine.node.vip is None:
        raise StageFailed("internal", "a stage of members ran on a machine without a virtual address")
    return machine.node.vip


def find_wrong_vip(machine: Machine, *, leads: bool | None = None) -> str | None:
    """Return what is wrong with the address as this member sees it, or None.

    `leads` says whether this member is the leader, where that was asked just now.
    """
    vip = get_vip(machine)
    try:
        if leads is None:
            leads = is_leader(machine, get_patroni(machine))
        holder = find_interface(machine, vip.address)
    except (Unreachable, CommandFailed) as error:
        return str(error)
    if leads and holder is None:
        return f"this member is the leader but does not have {vip.address}"
    if holder is not None and not leads:
        return f"this member has {vip.address} but is not the leader"
    if not machine.web.accepts(vip.address, vip.port):
        return f"{vip.address} does not answer on port {vip.port}"
    return None
