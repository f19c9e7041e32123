"""The content of the lab's disks: sparse files that are written, compared, made anew."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK: Final = 1 << 16


def make_blank(path: Path, size_mib: int) -> None:
    """Make an empty disk of this size; it takes no room until something is written."""
    with path.open("wb") as stream:
        stream.truncate(size_mib << 20)


def write_at_start(disk: Path, content: Path) -> None:
    """Overwrite the start of a disk; its size and the rest stay."""
    with disk.open("r+b") as target, content.open("rb") as source:
        while block := source.read(BLOCK):
            target.write(block)


def digest_content(disk: Path) -> str:
    """Return a digest of what stands on a disk.

    Blocks of zeros count as nothing, so that it says the same of a hole and of zeros.
    """
    total = sha256(str(disk.stat().st_size).encode())
    for offset, block in _read_blocks(disk):
        if block.count(0) != len(block):
            total.update(f"\n{offset}:".encode())
            total.update(block)
    return total.hexdigest()


def _read_blocks(disk: Path) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of each block that is no hole."""
    with disk.open("rb") as stream:
        offset = 0
        while True:
            try:
                found = os.lseek(stream.fileno(), offset, os.SEEK_DATA)
            except OSError as error:
                # Nothing but a hole up to the end.
                if error.errno == errno.ENXIO:
                    return
                raise
            offset = found - found % BLOCK
            stream.seek(offset)
            block = stream.read(BLOCK)
            if not block:
                return
            yield offset, block
            offset += len(block)
