"""The watchdog that Patroni is given: which one it is, and whether it resets a machine that hangs.

The payload's udev rules link the best one as `/dev/holster-watchdog` at every boot: one of hardware before
the kernel's own softdog, which cannot act when the kernel itself hangs, and that before the board's own
one (iTCO) of QEMU's q35.  The last one counts, and nothing happens when it ran out, unless the strap
`noreboot` was turned off, which the guest cannot see (seen in the lab).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from generator.node.causes import StageFailed

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

DEVICE = "/dev/holster-watchdog"
SYSFS = "/sys/class/watchdog"
SOFTDOG = "Software Watchdog"
BOARD = "iTCO_wdt"
EMULATED = ("QEMU", "Standard PC")
CARD_RESET = 0x20
"""Bit of `bootstatus`: the watchdog reset the machine (WDIOF_CARDRESET)."""


class Watchdog(NamedTuple):
    """What the kernel tells of a watchdog; empty where it tells nothing."""

    name: str
    identity: str
    timeout: str
    nowayout: str
    state: str
    has_reset: bool
    is_doubtful: bool

    def describe(self) -> str:
        """Return it in words."""
        kind = f"{self.identity or 'unknown'} (/dev/{self.name}), timeout {self.timeout or '?'} s"
        last = ", which reset this machine before this boot" if self.has_reset else ""
        soft = (
            ", of the kernel itself: it acts only while the kernel runs" if self.identity == SOFTDOG else ""
        )
        return f"{kind}, nowayout {self.nowayout or '?'}{soft}{last}"

    def tell_reset(self) -> str:
        """Return whether it resets the machine, as far as that can be known without trying."""
        if self.is_doubtful:
            return "may run out without a reset"
        return (
            "resets the machine while its kernel runs" if self.identity == SOFTDOG else "resets the machine"
        )


def prepare_watchdog(machine: Machine) -> None:
    """Load softdog for want of a better one, have udev link the best, and say which it is.

    Raises:
        StageFailed: the spec demands a watchdog, and there is none that resets for certain.
    """
    wanted = machine.node.system.watchdog
    if wanted == "off" or machine.node.patroni is None:
        return
    loaded = machine.commands.ask("modprobe", "softdog") if machine.commands.find("modprobe") else None
    # The rules were delivered after the devices appeared.
    machine.commands.ask("udevadm", "control", "--reload")
    # Waits for these alone: a machine that boots is busy with others.
    machine.commands.ask("udevadm", "trigger", "--settle", "--action=add", "--subsystem-match=watchdog")
    found = find_watchdog(machine)
    state_watchdog(machine)
    if found is None:
        words = loaded.describe() if loaded and not loaded.is_fine else f"{DEVICE} did not appear"
        _complain(machine, f"no watchdog: {words}")
    elif found.is_doubtful:
        _complain(machine, f"the watchdog {found.describe()}, may run out without a reset")


def state_watchdog(machine: Machine) -> None:
    """Record which watchdog this member has, whether it resets the machine, and whether it counts now.

    Patroni opens it on the leader alone.
    """
    if machine.node.system.watchdog == "off" or machine.node.patroni is None:
        return
    found = find_watchdog(machine)
    if found is None:
        words = "none; a leader whose Patroni hangs is not reset"
    else:
        counts = {"active": ", counts now", "inactive": ", does not count now"}.get(found.state, "")
        words = f"{found.describe()}; {found.tell_reset()}{counts}"
    machine.state_fact("watchdog", words)


def _complain(machine: Machine, words: str) -> None:
    if machine.node.system.watchdog == "required":
        raise StageFailed("watchdog-missing", words)
    machine.warn(
        f"{words}; a leader whose Patroni hangs is not reset, and its PostgreSQL goes on beside the next"
    )


def find_watchdog(machine: Machine) -> Watchdog | None:
    """Return the watchdog that Patroni opens, or None."""
    device = machine.fs.at(DEVICE)
    if not device.exists():
        return None
    name = device.resolve().name
    facts = {
        fact: (machine.fs.read(f"{SYSFS}/{name}/{fact}") or "").strip()
        for fact in ("identity", "timeout", "nowayout", "bootstatus", "state")
    }
    status = facts["bootstatus"]
    board = [machine.fs.read(f"/sys/class/dmi/id/{fact}") or "" for fact in ("sys_vendor", "product_name")]
    is_emulated = any(text.startswith(EMULATED) for text in board)
    return Watchdog(
        name,
        facts["identity"],
        facts["timeout"],
        facts["nowayout"],
        facts["state"],
        has_reset=status.isdigit() and bool(int(status) & CARD_RESET),
        is_doubtful=facts["identity"] == BOARD and is_emulated,
    )
