"""The journal on the disk: systemd's journal reads its settings only when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.node.machine.command import CommandFailed

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

SETTINGS = "/etc/systemd/journald.conf.d/10-holster.conf"
UNIT = "systemd-journald.service"


def keep_journal(machine: Machine) -> None:
    """Have the journal on the disk from now on; the image's is there from the start of the boot.

    A restart loses nothing: services keep their lines to the journal, which systemd holds for it.
    """
    if not any(item.path == SETTINGS for item in machine.node.files) or _is_on_disk(machine):
        return
    try:
        machine.commands.run("systemctl", "restart", UNIT)
        machine.commands.run("journalctl", "--flush")
    except CommandFailed as error:
        machine.warn(f"the journal stays in memory until the next boot: {error}")


def _is_on_disk(machine: Machine) -> bool:
    identity = (machine.fs.read("/etc/machine-id") or "").strip()
    return bool(identity) and machine.fs.at(f"/var/log/journal/{identity}/system.journal").exists()
