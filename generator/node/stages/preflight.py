"""Stage preflight: everything that this machine lacks, at once, before anything is changed."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Container, Sequence

from generator.node.causes import StageFailed
from generator.node.facts.node import MEMBER, SERVER, PayloadFile
from generator.node.machine.command import CommandFailed
from generator.node.machine.machine import STATE_DIR
from generator.node.machine.programs import is_installed, supply_programs
from generator.node.stage import Stage

if TYPE_CHECKING:
    from generator.node.facts.node import Node, Program
    from generator.node.machine.machine import Machine

EVERYWHERE = ("systemctl", "journalctl")
# So long may the servers be absent that a declared program comes from.
DOWNLOAD_DEADLINE = 900
TOLD_LATER = ("consul", "patroni", "vip_manager")
DELIVERED = f"{STATE_DIR}/delivered"
SEEDS = ("/var/lib/cloud/instance", "/run/cloud-init")


class PreflightStage(Stage):
    """Compare the machine with its payload, and with what the stages after this one need."""

    name = "preflight"
    deadline = 120
    hints = {
        "payload-incomplete": "deliver the payload again: boot with the node's seed disc attached, or unpack the payload archive",
        "machine-unfit": "install what is missing, or render for the platform that this machine runs",
        "locale-missing": "install the package of the locale (glibc-langpack-LANGUAGE; on Debian locales, then locale-gen), or build the image anew",
        "program-source": "put the declared file where its source says, or correct url and sha256 in the spec and render again",
    }

    def __init__(self, later: Sequence[Stage]) -> None:
        self._later = tuple(later)

    def find_deadline(self, node: Node) -> int:
        """Give a declared source of a program the time to answer."""
        has_source = any(program.source is not None for program in node.programs.values())
        return node.deadlines.get(self.name, DOWNLOAD_DEADLINE if has_source else self.deadline)

    def list_programs(self, machine: Machine) -> Sequence[str]:
        """Return what every stage uses, then what each of the later ones needs."""
        needed = [stage.list_programs(machine) for stage in self._later if stage.is_needed(machine)]
        return list(dict.fromkeys([*EVERYWHERE, *(name for names in needed for name in names)]))

    def apply(self, machine: Machine) -> None:
        """Repair an interrupted delivery once, where the datasource is still there."""
        broken = _find_broken_files(machine)
        if (
            broken
            and machine.commands.find("cloud-init")
            and any(machine.fs.at(seed).exists() for seed in SEEDS)
        ):
            machine.note(f"{len(broken)} payload files are damaged; cloud-init writes them again")
            try:
                machine.commands.ask(
                    "cloud-init", "single", "--name", "write_files", "--frequency", "always", timeout=90
                )
            except CommandFailed as error:
                machine.warn(str(error))

    def confirm(self, machine: Machine) -> None:
        """Install what is missing and has a declared source, then name everything that is missing.

        Raises:
            StageFailed: with the complete list.
        """
        lacking = supply_programs(machine)
        broken = _find_broken_files(machine)
        unfit = [*_check_system(machine), *self._check_programs(machine, lacking), *_check_users(machine)]
        unfit += _warn_of_versions(machine)
        locales = _check_locales(machine)
        if unfit:
            raise StageFailed("machine-unfit", "; ".join([*unfit, *locales, *lacking.values(), *broken]))
        if locales:
            raise StageFailed("locale-missing", "; ".join([*locales, *lacking.values(), *broken]))
        if lacking:
            raise StageFailed("program-source", "; ".join([*lacking.values(), *broken]))
        if broken:
            raise StageFailed("payload-incomplete", "; ".join(broken))
        if not machine.fs.at(DELIVERED).exists():
            # What cloud-init wrote is on the disk from here on; until then user-data's bootcmd repeats it.
            os.sync()
            machine.fs.write(DELIVERED, "")

    def _check_programs(self, machine: Machine, lacking: Container[str]) -> list[str]:
        names = self.list_programs(machine)
        problems = [f"the program {name} is missing" for name in names if machine.commands.find(name) is None]
        for name, program in sorted(machine.node.programs.items()):
            if name not in lacking and not is_installed(machine, program):
                problems.append(
                    f"{name}: {program.path} is missing or not executable "
                    f"(version {program.version} is expected)"
                )
        return problems


def _find_broken_files(machine: Machine) -> list[str]:
    return [words for words in (_judge_file(machine, item) for item in machine.node.files) if words]


def _judge_file(machine: Machine, item: PayloadFile) -> str:
    digest = machine.fs.digest(item.path)
    if digest is None:
        return f"{item.path} was not delivered"
    return "" if digest == item.sha256 else f"{item.path} differs from what was rendered"


def _read_os_release(machine: Machine) -> dict[str, str]:
    text = machine.fs.read("/etc/os-release") or machine.fs.read("/usr/lib/os-release") or ""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _check_system(machine: Machine) -> list[str]:
    platform = machine.node.platform
    release = _read_os_release(machine)
    # Only the major part: RED OS 7.3 says 7.3, 7.3.1 or 7.3.6 (platform notes §1.2).
    found = (release.get("ID", "?"), release.get("VERSION_ID", "?").split(".")[0])
    problems = []
    if found != (platform.os_id, platform.os_version_major):
        problems.append(
            f"this is {' '.join(found)}, the payload is for "
            f"{platform.os_id} {platform.os_version_major} ({platform.name})"
        )
    zone = machine.node.system.timezone
    if not machine.fs.at(f"/usr/share/zoneinfo/{zone}").is_file():
        problems.append(f"time zone {zone} is unknown here")
    return problems


def _check_locales(machine: Machine) -> list[str]:
    """Compare with `locale -a`: initdb would refuse the bootstrap, or PostgreSQL not start."""
    wanted = machine.node.system.locales
    if not wanted:
        return []
    try:
        known = machine.commands.ask("locale", "-a").output.split()
    except CommandFailed as error:
        return [f"the locales cannot be listed: {error}"]
    return [f"the locale {name} is missing" for name in wanted if name not in known]


def _warn_of_versions(machine: Machine) -> list[str]:
    """Compare versions: the configuration's keys were chosen by them (reference §1.1, §3).

    Another PostgreSQL major cannot read the data directory; the rest is a warning.
    The services tell theirs, or are asked, when they run: a program's first start costs seconds.
    """
    problems = []
    for name, program in sorted(machine.node.programs.items()):
        if name in TOLD_LATER:
            continue
        found = ask_version(machine, program)
        if found is None or _agree(found, program.version):
            continue
        words = _describe_difference(name, program, found)
        if name == "postgres":
            problems.append(words)
        else:
            machine.warn(words)
    return problems


def warn_of_version(machine: Machine, name: str, found: str | None) -> None:
    """Record that a program that runs is of another version than its configuration was rendered for."""
    program = machine.node.programs.get(name)
    if program is not None and found is not None and not _agree(found, program.version):
        machine.warn(_describe_difference(name, program, found))


def _describe_difference(name: str, program: Program, found: str) -> str:
    """Return the words for another version than the declared one."""
    return f"{name}: {program.path} is version {found}, the payload is for {program.version}"


def ask_version(machine: Machine, program: Program) -> str | None:
    """Return the version that a program tells, None where it tells none."""
    try:
        done = machine.commands.ask(str(machine.fs.at(program.path)), "--version", timeout=30)
    except CommandFailed:
        # Missing programs are named by another check.
        return None
    found = re.search(r"\d+(?:\.\d+)+", f"{done.output} {done.errors}")
    return found.group() if found and done.is_fine else None


def _agree(found: str, declared: str) -> bool:
    """Say whether two versions have the same first two numbers, as far as both are given."""
    pairs = zip(found.split(".")[:2], declared.split(".")[:2])
    return all(one == other for one, other in pairs)


def _check_users(machine: Machine) -> list[str]:
    node = machine.node
    wanted = {node.users.get("consul")} | ({node.users.get("postgres")} if MEMBER in node.roles else set())
    wanted |= {item.owner for item in node.files} | {folder.owner for folder in node.folders}
    groups = {item.group for item in node.files} | {folder.group for folder in node.folders}
    problems = [
        f"the user {name} is missing"
        for name in sorted(filter(None, wanted))
        if machine.fs.account(name) is None
    ]
    problems += [f"the group {name} is missing" for name in sorted(groups) if machine.fs.group(name) is None]
    roles = set(node.roles) - {MEMBER, SERVER}
    return problems + [f"the role {role} is unknown to this program" for role in sorted(roles)]
