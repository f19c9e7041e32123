"""Files that are there whole or not at all: the one way in which Holster writes a single file.

In: a path and its new bytes.  Out: the file with them, on the disk, or after a failure what was there before.

The bytes go into a file beside the target that only its writer can foresee, reach the disk, and take the
target's name in one step.  What a power cut leaves beside it has a name that `match_strays` knows.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME_BYTES: Final = 8
PUBLIC: Final = 0o644


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that has not taken its target's name yet.

    Attributes:
        stream: open for writing and reading.
        path: where it stands now.
        target: whose name it is to take.
    """

    stream: IO[bytes]
    path: Path
    target: Path

    def put_in_place(self, *, keeps_old: bool = False) -> None:
        """Bring the file to the disk and give it the target's name.

        Raises:
            FileExistsError: `keeps_old`, and the target is there already.
            OSError: it cannot be written.
        """
        self.stream.flush()
        os.fsync(self.stream.fileno())
        if keeps_old:
            # A link, unlike a rename, fails where another process was faster.
            os.link(self.path, self.target)
        else:
            self.path.replace(self.target)
        _sync_folder(self.target.parent)


@contextmanager
def write_beside(target: Path, *, mode: int = PUBLIC) -> Iterator[NewFile]:
    """Yield a new file beside a target; afterwards it is gone unless it was put in place.

    Args:
        target: its folder must exist.
        mode: permissions, less the process's umask.
    """
    path = target.with_name(f".{target.name}.{token_hex(NAME_BYTES)}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            yield NewFile(stream, path, target)
    finally:
        path.unlink(missing_ok=True)


def replace_file(target: Path, content: bytes | str, *, mode: int = PUBLIC, keeps_old: bool = False) -> None:
    """Give a file new content, text as UTF-8.

    Raises:
        FileExistsError: `keeps_old`, and it is there already.
        OSError: it cannot be written.
    """
    with write_beside(target, mode=mode) as new:
        new.stream.write(content.encode() if isinstance(content, str) else content)
        new.put_in_place(keeps_old=keeps_old)


def match_strays(target: Path) -> re.Pattern[str]:
    """Return what the names of new files of this target look like that an interrupted call left."""
    return re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{{2 * NAME_BYTES}}}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
