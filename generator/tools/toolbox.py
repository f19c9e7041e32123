"""Find outside programs, several versions of one side by side.

In: folders to search.  Out: a Tool (path and version), or ToolMissing.  Never
reads the environment: the command line passes in what PATH and HOLSTER_TOOLS say.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed, ToolMissing
from generator.tools.process import Command, run
from generator.versions import VersionNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from generator.tools.programs import Program

SYSTEM_FOLDERS: Final = ("/usr/sbin", "/sbin", "/usr/lib/systemd")
"""Where daemons lie that a user's PATH does not name."""
PLUGIN_FOLDER: Final = "packer-plugins"
"""Beneath HOLSTER_TOOLS: what PACKER_PLUGIN_PATH points to."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One program that was found; `version` is None where it cannot tell."""

    program: Program
    path: Path
    version: VersionNumber | None

    @property
    def label(self) -> str:
        """Name and version for reports."""
        return f"{self.program.name} {self.version}" if self.version else self.program.name


class ToolBox:
    """The outside programs of this machine.

    Args:
        folders: searched in this order; the first match of equal rank wins.
        plugins: Packer's plugin folder, if there is one of ours.
        network: variables that say how the outside is reached, for programs that download.
    """

    def __init__(
        self, folders: Sequence[Path], plugins: Path | None = None, network: Mapping[str, str] | None = None
    ) -> None:
        self.folders = tuple(folders)
        self.plugins = plugins
        self.network = dict(network or {})
        self._versions: dict[Path, VersionNumber | None] = {}
        self._lock = threading.Lock()

    def find(
        self,
        program: Program,
        wanted: Callable[[VersionNumber], bool] | None = None,
        described: str = "",
    ) -> Tool:
        """Return the first program found that `wanted` accepts.

        Args:
            program: which one.
            wanted: says whether a version will do; None takes any.
            described: the wanted versions in words, for the message: "1.12 or newer".

        Raises:
            ToolMissing: there is none, or none of a fitting version.
        """
        refused = []
        for path in self._candidates(program):
            tool = Tool(program, path, self._ask_version(program, path))
            if wanted is None or (tool.version is not None and wanted(tool.version)):
                return tool
            refused.append(str(tool.version or "unknown"))
        name = f"{program.name} {described}".rstrip()
        found = f" (found: {', '.join(dict.fromkeys(refused))})" if refused else ""
        raise ToolMissing(f"{name} is not installed{found}", hint=program.hint)

    def _candidates(self, program: Program) -> Iterator[Path]:
        for folder in self.folders:
            names = [folder / program.name]
            if folder.is_dir():
                # Newest first, so that "any version" means the newest of a folder.
                names += sorted(folder.glob(f"{program.name}-[0-9]*"), key=_numbers, reverse=True)
            for path in names:
                if path.is_file() and os.access(path, os.X_OK):
                    yield path

    def _ask_version(self, program: Program, path: Path) -> VersionNumber | None:
        if program.version_argv is None:
            return None
        with self._lock:
            if path not in self._versions:
                self._versions[path] = ask_version(program, path)
            return self._versions[path]


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", path.name))


def ask_version(program: Program, path: Path) -> VersionNumber | None:
    """Ask the program at `path` for its version; None when it does not say one."""
    try:
        answer = run(
            Command(
                argv=[path, *(program.version_argv or ())],
                purpose=f"ask {path} for its version",
                environment={"CHECKPOINT_DISABLE": "1"},
                timeout_s=30,
                accepted=None,
            )
        )
    except (ToolFailed, ToolMissing):
        return None
    found = re.search(program.version_pattern, f"{answer.stdout}\n{answer.stderr}", re.MULTILINE)
    return VersionNumber(found[1]) if found else None


def create_toolbox(tools: Path | None, search_path: str, network: Mapping[str, str] | None = None) -> ToolBox:
    """Return the box of this machine.

    Args:
        tools: the folder HOLSTER_TOOLS, searched first; None when there is none.
        search_path: the value of PATH.
        network: proxies and certificate authorities, as variables.
    """
    folders = [] if tools is None else [tools]
    # The Python tools (ksvalidator, patroni, shellcheck) come with the environment we run in.
    folders.append(Path(sys.executable).parent)
    folders += [Path(part) for part in search_path.split(os.pathsep) if part]
    folders += [Path(part) for part in SYSTEM_FOLDERS]
    plugins = None if tools is None else tools / PLUGIN_FOLDER
    return ToolBox(list(dict.fromkeys(folders)), plugins if plugins and plugins.is_dir() else None, network)
