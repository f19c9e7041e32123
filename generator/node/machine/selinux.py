"""SELinux labels, so that an enforcing machine needs no exception."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

TYPE = "postgresql_db_t"
CONFIG = "/etc/selinux/config"
LONG = 600


def is_active(machine: Machine) -> bool:
    """Say whether the platform has SELinux and the running kernel uses it."""
    if not machine.node.platform.has_selinux or not machine.commands.find("selinuxenabled"):
        return False
    return machine.commands.ask("selinuxenabled").is_fine


def label_volume(machine: Machine, mount: str) -> None:
    """Give a mounted volume the label of database files (reference §7)."""
    if not is_active(machine):
        return
    pattern = f"{re.escape(mount)}(/.*)?"
    added = machine.commands.ask("semanage", "fcontext", "-a", "-t", TYPE, pattern, timeout=LONG)
    if not added.is_fine:
        # -a fails when the rule is there already; -m sets it either way.
        machine.commands.run("semanage", "fcontext", "-m", "-t", TYPE, pattern, timeout=LONG)
    machine.commands.run("restorecon", "-RF", str(machine.fs.at(mount)), timeout=LONG)


def set_mode(machine: Machine) -> None:
    """Switch to the wanted mode, now and for later boots.

    A system that runs without SELinux is left alone: with files that have no labels it would not boot.
    """
    wanted = machine.node.system.selinux
    if not machine.node.platform.has_selinux or wanted not in {"enforcing", "permissive"}:
        return
    if not is_active(machine):
        machine.warn(
            f"SELinux is to be {wanted}, but this system runs without it;"
            f" set it in {CONFIG} and have all files labelled (`fixfiles onboot`), then reboot"
        )
        return
    machine.commands.run("setenforce", "1" if wanted == "enforcing" else "0")
    lines, line = (machine.fs.read(CONFIG) or "").splitlines(), f"SELINUX={wanted}"
    if line not in lines:
        others = [old for old in lines if not re.match(r"\s*SELINUX\s*=", old)]
        machine.fs.write(CONFIG, "\n".join([*others, line]) + "\n")
