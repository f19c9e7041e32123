"""Put a program in its place: taken out of what a vendor publishes, executable, whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from generator.artifacts.folder import digest_file
from generator.errors import InputInvalid
from generator.node.machine.archives import ArchiveUnusable, name_package, read_program
from generator.whole_file import write_beside

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

EXECUTABLE: Final = 0o755


class ArchiveInvalid(InputInvalid):
    """A file does not hold the program."""


def unpack_program(archive: Path, program: str, target: Path) -> bool:
    """Put the program of this name to `target`; say whether the file is new or another than before.

    Raises:
        ArchiveInvalid: it is a package, or holds no such program, or several.
    """
    try:
        return _place(read_program(str(archive), program), target)
    except ArchiveUnusable as error:
        hint = None
        if kind := name_package(str(archive)):
            hint = (
                f"name the archive (.tar.gz, .zip) in the spec, or put the {kind} into packages/ and "
                "use source: package"
            )
        raise ArchiveInvalid(f"{archive} cannot be unpacked: {error}", hint=hint) from None


def _place(blocks: Iterable[bytes], target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    with write_beside(target) as new:
        new.stream.writelines(blocks)
        new.stream.flush()
        if target.is_file() and digest_file(target) == digest_file(new.path):
            target.chmod(EXECUTABLE)
            return False
        os.fchmod(new.stream.fileno(), EXECUTABLE)
        new.put_in_place()
    return True
