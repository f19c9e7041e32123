"""Take one program out of what a vendor publishes, by what the file is; its name decides nothing.

In: a file whose digest was compared, and the program's name.  Out: the program's bytes.
The first boot, the build of the image and `holster artifacts fetch` all ask here.
"""

from __future__ import annotations

import errno
import stat
import struct
import tarfile
import zipfile
import zlib
from lzma import LZMAError
from typing import Iterator

from generator.node.machine.rootfs import read_blocks

PACKAGES = {b"\xed\xab\xee\xdb": "rpm", b"!<arch>\n": "deb"}
PROGRAMS = (b"\x7fELF", b"#!")
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
SHOWN = 10
LIMIT = 2 << 30
"""No program of a cluster is larger, nor is an archive of one."""

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    LZMAError,
    struct.error,
    OverflowError,
    # An encrypted archive, a method that this Python does not know, fields that make no sense.
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class ArchiveUnusable(Exception):
    """The file does not hold the program; the message says why."""


def name_package(path: str) -> str | None:
    """Return `rpm` or `deb` where the file is such a package, else None."""
    head = _read_head(path)
    return next((kind for magic, kind in PACKAGES.items() if head.startswith(magic)), None)


def read_program(path: str, program: str) -> Iterator[bytes]:
    """Yield the bytes of the program of this name: the file itself, or the one such file of an archive.

    Raises:
        ArchiveUnusable: it is a package, or holds no such program, or several, or is damaged.
        OSError: the file cannot be read.
    """
    kind = name_package(path)
    if kind:
        raise ArchiveUnusable(f"it is a {kind} package, not the program {program}")
    try:
        yield from _limit(_read(path, program))
    except DAMAGE as error:
        raise ArchiveUnusable(f"the archive cannot be read: {error}") from None
    except OSError as error:
        if error.errno not in {None, errno.EINVAL}:
            raise
        # bz2 and gzip say so of damage, without a number of the system; zipfile seeks to a place before
        # the file's beginning, which no system takes.
        raise ArchiveUnusable(f"the archive cannot be read: {error}") from None


def _read_head(path: str) -> bytes:
    with open(path, "rb") as stream:  # noqa: PTH123 -- text, as all paths of this program
        return stream.read(8)


def _limit(blocks: Iterator[bytes]) -> Iterator[bytes]:
    count = 0
    for block in blocks:
        count += len(block)
        if count > LIMIT:
            raise ArchiveUnusable(f"the program is larger than {LIMIT >> 30} GiB")
        yield block


def _read(path: str, program: str) -> Iterator[bytes]:
    head = _read_head(path)
    if head.startswith(PROGRAMS):
        with open(path, "rb") as stream:  # noqa: PTH123 -- likewise
            yield from read_blocks(stream)
    elif head.startswith(ZIPS):
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if _is_file(entry)]
            with archive.open(_choose(names, program)) as packed:
                yield from _demand_program(read_blocks(packed), program)
    elif tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            # Links and devices are no programs.
            name = _choose([entry.name for entry in _list(archive)], program)
            member = archive.extractfile(name)
            if member is None:
                raise ArchiveUnusable(f"{name} is no file")
            with member:
                yield from _demand_program(read_blocks(member), program)
    else:
        raise ArchiveUnusable("it is neither a program, a zip nor a tar")


def _is_file(entry: zipfile.ZipInfo) -> bool:
    # What was packed on another system carries no kind.
    return not entry.is_dir() and stat.S_IFMT(entry.external_attr >> 16) in {0, stat.S_IFREG}


def _demand_program(blocks: Iterator[bytes], program: str) -> Iterator[bytes]:
    first = next(blocks, b"")
    if not first.startswith(PROGRAMS):
        raise ArchiveUnusable(f"the file {program} of the archive is no program")
    yield first
    yield from blocks


def _list(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for entry in archive:
        if entry.offset_data + entry.size > LIMIT:
            raise ArchiveUnusable(f"the archive holds more than {LIMIT >> 30} GiB")
        if entry.isfile():
            yield entry


def _choose(names: list[str], program: str) -> str:
    found = [name for name in names if name.rpartition("/")[2] == program]
    if len(found) == 1:
        return found[0]
    shown = ", ".join((found or names)[:SHOWN]) or "nothing"
    wanted = "more than one" if found else "no"
    raise ArchiveUnusable(f"the archive holds {wanted} file {program}; it holds {shown}")
