"""Stage system: owners, folders, kernel settings, names, firewall, SELinux, watchdog.

Every step sets a state rather than changes one, so that repeating it is harmless.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Sequence

from generator.node.causes import StageFailed
from generator.node.machine.command import CommandFailed
from generator.node.machine.firewall import find_program, set_firewall
from generator.node.machine.folders import make_system_folders
from generator.node.machine.huge_pages import reserve_huge_pages
from generator.node.machine.journal import keep_journal
from generator.node.machine.selinux import is_active, set_mode
from generator.node.machine.watchdog import prepare_watchdog
from generator.node.stage import Stage

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

HOSTS = "/etc/hosts"
LOCALTIME = "/etc/localtime"
UNITS = "/etc/systemd/system/"
BEGIN = "# begin holster"
END = "# end holster"
OWN_UNIT = "holster-firstboot.service"
SETTINGS = ("sysctl", "systemd-tmpfiles")
SELINUX = ("selinuxenabled", "semanage", "restorecon", "setenforce")


class SystemStage(Stage):
    """Prepare the operating system for the services."""

    name = "system"
    deadline = 300
    hints = {
        "watchdog-missing": "give the machine a watchdog that resets it (QEMU: i6300esb), or set the watchdog to automatic in the spec",
        "huge-pages-missing": "when the memory is in pieces, restart the machine: the pages are reserved before anything else runs; else correct the machine's memory in the spec, or remove huge_pages: on, and render again",
    }

    def list_programs(self, machine: Machine) -> Sequence[str]:
        """Return those of the kernel's settings, of the packet filter and of SELinux."""
        selinux = SELINUX if machine.node.platform.has_selinux else ()
        firewall = find_program(machine.node)
        return (*SETTINGS, *selinux, *((firewall,) if firewall else ()))

    def apply(self, machine: Machine) -> None:
        """Set everything."""
        for step in (
            _own_files,
            _disable_units,
            _set_kernel,
            reserve_huge_pages,
            _set_zone,
            _write_hosts,
            set_firewall,
            keep_journal,
            set_mode,
            prepare_watchdog,
        ):
            step(machine)
        _read_units(machine)

    def confirm(self, machine: Machine) -> None:
        """See that the services of the distribution do not run beside ours.

        Raises:
            StageFailed: one still runs.
        """
        running = _list_running(machine)
        if running:
            raise StageFailed("system-failed", f"{', '.join(running)} still runs beside Patroni")


def _read_units(machine: Machine) -> None:
    """Let systemd read what was written while it ran, unless it has: that costs seconds.

    A unit of the distribution that it knows must not win over ours of the same name.
    """
    paths = [item.path[len(UNITS) :] for item in machine.node.files if item.path.startswith(UNITS)]
    # This program's own unit runs already; the image's copy of it was there before the payload's.
    ours = [path for path in paths if "/" not in path and path != OWN_UNIT]
    extended = [path.partition(".d/")[0] for path in paths if "/" in path]
    names = [*ours, *extended] or [machine.node.units.consul]
    asked = machine.commands.ask("systemctl", "show", "--property=NeedDaemonReload,FragmentPath", *names)
    lines = asked.output.splitlines()
    is_known = asked.is_fine and all(f"FragmentPath={UNITS}{name}" in lines for name in ours)
    if not is_known or "NeedDaemonReload=no" not in lines or "NeedDaemonReload=yes" in lines:
        machine.commands.run("systemctl", "daemon-reload")


def _own_files(machine: Machine) -> None:
    make_system_folders(machine)
    for item in machine.node.files:
        machine.fs.own(item.path, item.owner, item.group, item.mode)


def _disable_units(machine: Machine) -> None:
    """Stop what would start PostgreSQL without Patroni; a unit that does not exist needs nothing."""
    enabled = _list_enabled(machine)
    if enabled:
        # What starts at the next boot; nothing has to be read again now.
        machine.commands.run("systemctl", "disable", "--no-reload", *enabled)
    running = _list_running(machine)
    if running:
        machine.commands.run("systemctl", "stop", *running, timeout=120)


def _list_enabled(machine: Machine) -> list[str]:
    """Return the units that may not start by themselves and would: one question for all of them."""
    units = machine.node.units.disabled
    if not units:
        return []
    asked = machine.commands.ask("systemctl", "list-unit-files", "--no-legend", "--plain", *units)
    # Newer systemd returns 1 without a word where none of them exists.
    if not asked.is_fine and asked.errors.strip():
        raise CommandFailed(asked.describe())
    rows = [line.split() for line in asked.output.splitlines()]
    return [row[0] for row in rows if len(row) > 1 and row[1].startswith("enabled")]


def _list_running(machine: Machine) -> list[str]:
    """Return those of them that run now; a template cannot run, its instances can."""
    units = [unit.replace("@.", "@*.") for unit in machine.node.units.disabled]
    if not units:
        return []
    states = "--state=active,activating,reloading"
    output = machine.commands.run("systemctl", "list-units", "--no-legend", "--plain", states, *units)
    return [line.split()[0] for line in output.splitlines() if line.strip()]


def _set_kernel(machine: Machine) -> None:
    system = machine.node.system
    if system.sysctl_file:
        # -e: a key that this kernel does not have is no reason to stop.
        done = machine.commands.ask("sysctl", "-e", "-q", "-p", str(machine.fs.at(system.sysctl_file)))
        if not done.is_fine:
            machine.warn(f"kernel settings: {done.describe()}")
    if system.tmpfiles:
        machine.commands.run(
            "systemd-tmpfiles", "--create", *(str(machine.fs.at(path)) for path in system.tmpfiles)
        )


def _set_zone(machine: Machine) -> None:
    """Set the time zone before initdb writes it down; cloud-init may come to it later."""
    target = f"../usr/share/zoneinfo/{machine.node.system.timezone}"
    try:
        link = os.readlink(machine.fs.at(LOCALTIME))
    except OSError:
        link = ""
    if link.endswith(target[2:]):
        return
    # As timedatectl does it, which starts a service for that: seconds.
    machine.fs.link(LOCALTIME, target)
    if is_active(machine):
        machine.commands.run("restorecon", str(machine.fs.at(LOCALTIME)))


def _write_hosts(machine: Machine) -> None:
    """Enter all machines of the cluster, so that no name service is needed."""
    if any(item.path == HOSTS for item in machine.node.files):
        # The payload brings the whole file, and preflight compares its bytes.
        return
    block = [BEGIN, *(f"{peer.address} {peer.fqdn} {peer.name}" for peer in machine.node.peers), END]
    lines = (machine.fs.read(HOSTS) or "").splitlines()
    kept: list[str] = []
    is_inside = False
    for line in lines:
        if line == BEGIN:
            is_inside = True
        elif line == END:
            is_inside = False
        elif not is_inside:
            kept.append(line)
    if [*kept, *block] != lines:
        machine.fs.write(HOSTS, "\n".join([*kept, *block]) + "\n")
