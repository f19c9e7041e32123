"""Take one program out of what a vendor publishes: the bare program, a zip or a tar archive.

In: a file whose digest was compared.  Out: the program, executable, whole or not at all.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from tempfile import mkstemp
from typing import TYPE_CHECKING, Final

from generator.artifacts import digest_file
from generator.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

PACKAGES: Final = {b"\xed\xab\xee\xdb": "rpm", b"!<arch>\n": "deb"}
PROGRAMS: Final = (b"\x7fELF", b"#!")
SHOWN: Final = 10
CHUNK: Final = 1024 * 1024
EXECUTABLE: Final = 0o755


class ArchiveInvalid(InputInvalid):
    """A file does not hold the program."""


def unpack_program(archive: Path, program: str, target: Path) -> bool:
    """Put the program of this name to `target`; say whether the file is new or another than before.

    Raises:
        ArchiveInvalid: it is a package, or holds no such program, or several.
    """
    try:
        with _open_program(archive, program) as stream:
            return _place(stream, target)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, LZMAError) as error:
        raise ArchiveInvalid(f"{archive} cannot be unpacked: {error}") from None


@contextmanager
def _open_program(archive: Path, program: str) -> Iterator[IO[bytes]]:
    with archive.open("rb") as stream:
        head = stream.read(8)
    for magic, kind in PACKAGES.items():
        if head.startswith(magic):
            raise ArchiveInvalid(
                f"{archive.name} is a {kind} package, not the program {program}",
                hint=f"name the archive (.tar.gz, .zip) in the spec, or put the {kind} into packages/ and "
                "use source: package",
            )
    if zipfile.is_zipfile(archive) and head.startswith(b"PK"):
        with zipfile.ZipFile(archive) as whole:
            names = [entry.filename for entry in whole.infolist() if not entry.is_dir()]
            with whole.open(_choose(archive, names, program)) as member:
                yield member
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as whole:
            name = _choose(archive, [entry.name for entry in whole if entry.isfile()], program)
            packed = whole.extractfile(name)
            if packed is None:
                raise ArchiveInvalid(f"{archive.name}: {name} is no file")
            with packed:
                yield packed
    elif head.startswith(PROGRAMS):
        with archive.open("rb") as stream:
            yield stream
    else:
        raise ArchiveInvalid(f"{archive.name} cannot be unpacked: it is neither a program, a zip nor a tar")


def _choose(archive: Path, names: list[str], program: str) -> str:
    found = [name for name in names if PurePosixPath(name).name == program]
    if len(found) == 1:
        return found[0]
    shown = ", ".join((found or names)[:SHOWN]) or "nothing"
    wanted = "more than one" if found else "no"
    raise ArchiveInvalid(f"{archive.name} holds {wanted} file called {program}; it holds {shown}")


def _place(stream: IO[bytes], target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = mkstemp(dir=target.parent, prefix=f".{target.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as written:
            copyfileobj(stream, written, CHUNK)
            os.fchmod(written.fileno(), EXECUTABLE)
            os.fsync(written.fileno())
        if target.is_file() and digest_file(target) == digest_file(fresh):
            target.chmod(EXECUTABLE)
            return False
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return True
