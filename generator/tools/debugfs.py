"""debugfs: read an ext4 file system in a file, without mounting it and without root."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool

# Inode 0: an entry that was deleted.
_ENTRY: Final = re.compile(r"^/[1-9]\d*/(\d+)/\d+/\d+/([^/]*)/(\d*)/$", re.MULTILINE)
MAGIC_AT: Final = 1024 + 56
MAGIC: Final = b"\x53\xef"


def holds_file_system(raw: Path) -> bool:
    """Say whether the disk is one ext file system without a partition table."""
    with raw.open("rb") as stream:
        stream.seek(MAGIC_AT)
        return stream.read(len(MAGIC)) == MAGIC


def list_folder(tool: Tool, raw: Path, folder: str) -> dict[str, int] | None:
    """Return the entries of a folder with their sizes (0 for folders); None when there is none."""
    answer = _ask(tool, raw, f'ls -p "{folder}"')
    entries = {match[2]: int(match[3] or 0) for match in _ENTRY.finditer(answer)}
    return None if not entries else {n: size for n, size in entries.items() if n not in {".", ".."}}


def extract(tool: Tool, raw: Path, path: str, target: Path) -> bool:
    """Copy a file out of the disk; False when it is not there."""
    _ask(tool, raw, f'dump "{path}" "{target}"')
    return target.is_file()


def _ask(tool: Tool, raw: Path, request: str) -> str:
    answer = run(
        Command(
            [tool.path, "-R", request, raw],
            purpose=f"read the disk with {tool.label}",
            # The size in the image may exceed what the file system uses; nothing is written.
            timeout_s=300,
        )
    )
    return answer.stdout
