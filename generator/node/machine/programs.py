"""Install a program that is absent from the source that the spec declared for it.

What the file is decides how: a program, a zip or tar archive, an rpm.  It is on this
machine (delivered beside the payload, or on the image) or at an address.  Its SHA-256 is
compared before anything of it is used, and the program appears at its path whole or not
at all.  Without a declared source no network is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from generator.node.causes import StageFailed
from generator.node.machine.archives import ArchiveUnusable, name_package, read_program
from generator.node.machine.command import CommandFailed
from generator.node.machine.machine import STATE_DIR, Machine
from generator.node.machine.selinux import is_active
from generator.node.machine.web import NotServed, Unreachable

if TYPE_CHECKING:
    from generator.node.facts.node import Program, Source

DOWNLOADS = f"{STATE_DIR}/downloads"
MODE = 0o755
LONG = 300


class SourceUnusable(Exception):
    """The declared file cannot be used; the message says why."""


def is_installed(machine: Machine, program: Program) -> bool:
    """Say whether the program is there and can be started."""
    path = machine.fs.at(program.path)
    return path.is_file() and os.access(str(path), os.X_OK)


def supply_programs(machine: Machine) -> dict[str, str]:
    """Install every absent program that has a source; return name -> reason of those that failed."""
    failed = {}
    for name, program in sorted(machine.node.programs.items()):
        if program.source is None:
            continue
        try:
            if not is_installed(machine, program):
                _install(machine, name, program, program.source)
            # Also after an earlier run that was cut off before it.
            if is_active(machine):
                machine.commands.run("restorecon", str(machine.fs.at(program.path)))
            machine.fs.remove(_download_path(name))
        except (SourceUnusable, ArchiveUnusable, StageFailed, CommandFailed, OSError, ValueError) as error:
            failed[name] = f"{name}: {program.path} is missing and cannot be installed: {error}"
    return failed


def _download_path(name: str) -> str:
    return f"{DOWNLOADS}/{name}"


def _install(machine: Machine, name: str, program: Program, source: Source) -> None:
    file = source.path or _download_path(name)
    if source.url and machine.fs.digest(file) != source.sha256:
        _download(machine, source.url, file)
    place = _describe_place(source)
    digest = machine.fs.digest(file)
    if digest is None:
        raise SourceUnusable(f"{place} is missing or unreadable")
    if digest != source.sha256:
        raise SourceUnusable(f"{place} is not the declared file: its SHA-256 is {digest}")
    path = str(machine.fs.at(file))
    if name_package(path) == "rpm":
        # The digest vouches for the file; its signer's key is on no machine.
        machine.commands.run("rpm", "--upgrade", "--replacepkgs", "--nosignature", path, timeout=LONG)
        if not is_installed(machine, program):
            raise SourceUnusable(f"the package {place} has no {program.path}")
    else:
        machine.fs.write_blocks(program.path, read_program(path, name), MODE)
    machine.console.say(f"{name} was installed from {place}")


def _describe_place(source: Source) -> str:
    """Return where a file is, without the query of an address: it may be a secret."""
    if source.url is None:
        return str(source.path)
    parts = urlsplit(source.url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _download(machine: Machine, url: str, file: str) -> None:
    """Fetch the file whole; the network and the server may come up later than this machine."""

    def is_late() -> bool:
        return machine.clock.steady() >= machine.deadline

    def probe() -> str | None:
        try:
            machine.fs.write_blocks(file, machine.web.download(url, is_late), 0o600)
        except Unreachable as error:
            return f"the download does not succeed: {error}"
        except NotServed as error:
            raise SourceUnusable(str(error)) from None
        return None

    machine.wait(probe, lambda missing: StageFailed("program-source", missing))
