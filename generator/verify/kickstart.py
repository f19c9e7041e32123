"""Kickstarts, read by the installer's parser, plus the rules that keep data disks alive."""

from __future__ import annotations

import shlex
import threading
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from generator.layout import KICKSTART
from generator.tools import programs
from generator.tools.ksvalidator import check_kickstart
from generator.verify.check import OwnCheck, ToolCheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from generator.tools.toolbox import Tool
    from generator.verify.check import Check
    from generator.verify.context import Context
    from generator.verify.output import NodeOutput, Output

DISK_OPTIONS: Final = frozenset(
    {
        "--only-use",
        "--drives",
        "--ondisk",
        "--ondrive",
        "--onpart",
        "--usepart",
        "--boot-drive",
        "--driveorder",
        "--list",
    }
)
STORAGE_COMMANDS: Final = frozenset(
    {"autopart", "part", "partition", "clearpart", "reqpart", "volgroup", "logvol"}
)


def list_commands(kickstart: str) -> Iterator[list[str]]:
    """Yield the words of every command outside %sections."""
    in_section = False
    for line in kickstart.splitlines():
        if line.startswith("%") and not line.startswith(("%include", "%ksappend")):
            in_section = line.rstrip() != "%end"
        elif not in_section and line.strip() and not line.lstrip().startswith("#"):
            yield shlex.split(line, comments=True)


def _list_disks(words: list[str]) -> Iterator[str]:
    for index, word in enumerate(words):
        option, is_assigned, value = word.partition("=")
        if option in DISK_OPTIONS:
            text = value if is_assigned else (words[index + 1] if index + 1 < len(words) else "")
            yield from (name.removeprefix("/dev/") for name in text.split(",") if name)


def judge_disks(kickstart: str, data_disks: frozenset[str]) -> list[str]:
    """Say which command could lose a disk (design §4.4, traps 2 and 3).

    Args:
        kickstart: the text.
        data_disks: the data disks as the spec names them, `/dev/` left out.
    """
    complaints = []
    is_limited = False
    for words in list_commands(kickstart):
        options = {word.partition("=")[0] for word in words[1:]}
        if words[0] == "ignoredisk" and "--only-use" in options:
            is_limited = True
        if words[0] == "clearpart" and "--all" in options and "--drives" not in options:
            complaints.append("clearpart --all without --drives takes every disk")
        if words[0] == "autopart" and not is_limited:
            complaints.append("autopart before ignoredisk --only-use takes every disk")
        complaints += [
            f"{words[0]} names the data disk {disk}" for disk in _list_disks(words) if disk in data_disks
        ]
    commands = {words[0] for words in list_commands(kickstart)}
    if commands & STORAGE_COMMANDS and not is_limited:
        complaints.append("no ignoredisk --only-use: the installer sees every disk")
    return complaints


def list_data_disks(node: NodeOutput) -> frozenset[str]:
    """Return the paths of a machine's data disks, `/dev/` left out."""
    storage = node.facts.get("storage") or {}
    paths = [(volume.get("disk") or {}).get("path") for volume in storage.get("volumes", [])]
    return frozenset(str(PurePosixPath(path).relative_to("/dev")) for path in paths if path)


class _Batch:
    """All kickstarts of one handler: one process when there is nothing to say, which is usual.

    Starting the parser costs more than parsing; the files are asked one by one only
    when the parser complains about some of them.
    """

    def __init__(self, handler: str, paths: Sequence[Path]) -> None:
        self.handler = handler
        self.paths = paths
        self._lock = threading.Lock()
        self._is_silent: bool | None = None

    def judge(self, path: Path, tool: Tool) -> tuple[str, ...]:
        """Return what is said against one of the files."""
        with self._lock:
            if self._is_silent is None:
                self._is_silent = not check_kickstart(tool, self.paths, self.handler)
        return () if self._is_silent else check_kickstart(tool, [path], self.handler)


def _note_handler(handler: str, tool: Tool) -> str:
    del tool
    return f"as {handler}"


def _judge_disks(path: Path, disks: frozenset[str]) -> list[str]:
    return judge_disks(path.read_text("utf-8"), disks)


def list_kickstarts(output: Output) -> dict[Path, frozenset[str]]:
    """Return every kickstart, there or not, with the data disks that it must not name.

    That of the image has none: the machine that builds has one disk, and its name may be that of
    a machine's data disk.
    """
    disks = {node.folder / KICKSTART: list_data_disks(node) for node in output.nodes}
    images = [path for path in output.files if path.parent == output.layout.packer and path.suffix == ".ks"]
    return {path: names for path, names in disks.items() if output.has(path)} | dict.fromkeys(
        images, frozenset[str]()
    )


def plan_kickstart(context: Context) -> Iterator[Check]:
    """Plan the rules for each kickstart, and one call of ksvalidator for each handler."""
    output = context.output
    kickstarts = list_kickstarts(output)
    facts = output.platform.kickstart
    for path, disks in kickstarts.items():
        yield OwnCheck("disks", output.label(path), partial(_judge_disks, path, disks))
    for handler in facts.handlers if facts else ():
        batch = _Batch(handler, list(kickstarts))
        for path in kickstarts:
            yield ToolCheck(
                "kickstart",
                output.label(path),
                programs.KSVALIDATOR,
                partial(batch.judge, path),
                note=partial(_note_handler, handler),
            )
