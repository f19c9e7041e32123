"""Seed images: what a machine reads on its first boot, as ISO 9660.

In: file names and bytes.  Out: the image's bytes, the same on any day, in any
folder and any time zone.  Reads images back, too; starts no program.

pycdlib stamps every record with the clock and has no parameter against it
(version 1.22: only Rock Ridge's creation time, which it writes beside the others).
Instead of replacing the clock inside the library, which would act on the whole
process, the finished image is walked as ECMA-119 describes it and every date is
overwritten.  No date changes the length of a record, so nothing else moves.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from io import BytesIO
from struct import error as struct_error
from struct import unpack_from
from typing import TYPE_CHECKING, Final

from pycdlib import PyCdlib
from pycdlib.pycdlibexception import PyCdlibException

from generator.errors import EnvironmentFailed, OutputRejected
from generator.layout import (
    KICKSTART,
    META_DATA,
    NETWORK_CONFIG,
    NODE_PROGRAM,
    NODES,
    OEMDRV_ISO,
    OEMDRV_LABEL,
    PAYLOAD,
    PAYLOAD_ARCHIVE,
    SEED_ISO,
    SEED_LABEL,
    USER_DATA,
    node_path,
)
from generator.render.rendered import RenderedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

SECTOR: Final = 2048
FIRST_DESCRIPTOR: Final = 16
"""ECMA-119 6.2.1: the first sixteen sectors belong to the system."""

PRIMARY, SUPPLEMENTARY, TERMINATOR = 1, 2, 255
DESCRIPTOR_DATES: Final = 813
"""ECMA-119 8.4.26-29: creation, modification, expiration and effective date, 17 bytes each."""

VOLUME_DATE: Final = b"2020010100000000\0"
NO_VOLUME_DATE: Final = b"0" * 16 + b"\0"
RECORD_DATE: Final = bytes((120, 1, 1, 0, 0, 0, 0))
"""ECMA-119 9.1.5: years since 1900, month, day, hour, minute, second, offset from UTC."""

PAYLOAD_EPOCH: Final = 1_577_836_800
"""The same moment for the payload archive: 2020-01-01, before any sane node's clock."""

FILE_MODE: Final = 0o100400
"""On the machine root alone reads a mounted seed: it holds the node's secrets."""


def pack_seed(files: Mapping[str, bytes], label: str) -> bytes:
    """Return an ISO image with these files in its root; Rock Ridge and Joliet names.

    Args:
        files: name (no folders) and bytes.
        label: the volume's label, kept as given: readers look for `cidata` and `OEMDRV`.

    Raises:
        OutputRejected: a name or the label does not fit into an image.
    """
    image = BytesIO()
    iso = PyCdlib()
    try:
        iso.new(
            interchange_level=3,
            sys_ident="LINUX",
            vol_ident=label,
            app_ident_str="HOLSTER",
            joliet=3,
            rock_ridge="1.09",
        )
        for (name, content), short in zip(sorted(files.items()), _shorten(sorted(files)), strict=True):
            iso.add_fp(
                BytesIO(content),
                len(content),
                f"/{short};1",
                rr_name=name,
                joliet_path=f"/{name}",
                file_mode=FILE_MODE,
            )
        iso.write_fp(image)
    except PyCdlibException as error:
        raise OutputRejected(f"cannot pack an image labelled {label!r}: {error}") from None
    packed = bytearray(image.getbuffer())
    _pin_dates(packed)
    return bytes(packed)


def _shorten(names: Iterable[str]) -> Iterator[str]:
    """Yield a distinct 8.3 name for each name; only readers without extensions see them."""
    taken: set[str] = set()
    for index, name in enumerate(names):
        stem, _, suffix = name.upper().partition(".")
        short = f"{_keep_letters(stem)[:8]}.{_keep_letters(suffix)[:3]}"
        if short in taken:
            short = f"{_keep_letters(stem)[:4]}{index:04}.{_keep_letters(suffix)[:3]}"
        taken.add(short)
        yield short


def _keep_letters(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text)


def _pin_dates(image: bytearray) -> None:
    """Overwrite every date of an image: volume descriptors, directory records, Rock Ridge."""
    offset = FIRST_DESCRIPTOR * SECTOR
    while image[offset] != TERMINATOR:
        if image[offset] in {PRIMARY, SUPPLEMENTARY}:
            dates = (VOLUME_DATE, VOLUME_DATE, NO_VOLUME_DATE, VOLUME_DATE)
            image[offset + DESCRIPTOR_DATES : offset + DESCRIPTOR_DATES + 68] = b"".join(dates)
            root = offset + 156
            _pin_record(image, root)
            _pin_folder(image, *_find_extent(image, root))
        offset += SECTOR


def _find_extent(image: bytearray, record: int) -> tuple[int, int]:
    """Return start and end, in bytes, of what a directory record stands for."""
    (block,) = unpack_from("<I", image, record + 2)
    (length,) = unpack_from("<I", image, record + 10)
    return block * SECTOR, block * SECTOR + length


def _pin_folder(image: bytearray, offset: int, end: int) -> None:
    while offset < end:
        length = image[offset]
        if length == 0:
            # Records do not cross sectors; the rest of this one is empty.
            offset += SECTOR - offset % SECTOR
            continue
        _pin_record(image, offset)
        offset += length


def _pin_record(image: bytearray, record: int) -> None:
    image[record + 18 : record + 25] = RECORD_DATE
    name_length = image[record + 32]
    start = record + 33 + name_length + (name_length + 1) % 2
    _pin_system_use(image, start, record + image[record])


def _pin_system_use(image: bytearray, offset: int, end: int) -> None:
    """Overwrite Rock Ridge's time stamps (TF), in continued areas (CE) as well."""
    while offset + 4 <= end and image[offset + 2] >= 4:  # noqa: PLR2004 -- the least length of an entry
        signature, length = bytes(image[offset : offset + 2]), image[offset + 2]
        if signature == b"TF":
            stamps = (length - 5) // len(RECORD_DATE)
            image[offset + 5 : offset + length] = RECORD_DATE * stamps
        elif signature == b"CE":
            block, start, size = (unpack_from("<I", image, offset + at)[0] for at in (4, 12, 20))
            _pin_system_use(image, block * SECTOR + start, block * SECTOR + start + size)
        offset += length


def pack_payload(files: Iterable[RenderedFile]) -> bytes:
    """Return the payload of one node as a tar archive (ustar) that unpacks into `/`.

    Everything belongs to root: `holster-node` sets the owners that node.json
    lists, on both ways onto a machine.  Files have the mode they are to have on the
    node, 0644 where none is given.  Folders are left out: tar makes missing ones by the
    umask, as cloud-init does, and an entry would change the mode of folders that exist
    (`/etc/sudoers.d` is 0750 for a reason).

    Args:
        files: the node's payload files; other files are left out.

    Raises:
        OutputRejected: a path is too long for an archive.
    """
    contents = {}
    for file in files:
        parts = str(file.path).split("/", 3)
        if len(parts) == 4 and parts[0] == NODES and parts[2] == PAYLOAD:  # noqa: PLR2004 -- nodes/NAME/payload/…
            contents[parts[3]] = file
    blocks = []
    for path, file in sorted(contents.items()):
        member = tarfile.TarInfo(path)
        member.mtime = PAYLOAD_EPOCH
        member.uname = member.gname = "root"
        member.mode = 0o644 if file.mode is None else file.mode
        member.size = len(file.content)
        try:
            # TarFile.addfile would copy each member first: half the time of a payload.
            blocks.append(member.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict"))
        except ValueError:
            raise OutputRejected(f"the path {path!r} is too long for an archive") from None
        blocks += (file.content, bytes(-len(file.content) % tarfile.BLOCKSIZE))
    blocks.append(bytes(2 * tarfile.BLOCKSIZE))
    archive = b"".join(blocks)
    return archive + bytes(-len(archive) % tarfile.RECORDSIZE)


def pack_node(node: str, files: Iterable[RenderedFile], node_program: bytes) -> tuple[RenderedFile, ...]:
    """Return `seed.iso` of a node, and `oemdrv.iso` where it has a kickstart file.

    Args:
        node: the node's name.
        files: its rendered files, or those of the whole cluster.
        node_program: the first-boot program; a machine without a golden image gets it with its kickstart.

    Raises:
        OutputRejected: a file that a seed needs was not rendered.
    """
    prefix = f"{node_path(node, '')}/"
    own = [file for file in files if str(file.path).startswith(prefix)]
    contents = {str(file.path).removeprefix(prefix): file.content for file in own}
    try:
        seed = {name: contents[name] for name in (USER_DATA, META_DATA, NETWORK_CONFIG)}
    except KeyError as missing:
        raise OutputRejected(f"{node} has no {missing.args[0]}; a seed without it is ignored") from None
    images = [RenderedFile(node_path(node, SEED_ISO), pack_seed(seed, SEED_LABEL), is_secret=True)]
    if KICKSTART in contents:
        oemdrv = {
            KICKSTART: contents[KICKSTART],
            PAYLOAD_ARCHIVE: pack_payload(own),
            NODE_PROGRAM: node_program,
        }
        images.append(
            RenderedFile(node_path(node, OEMDRV_ISO), pack_seed(oemdrv, OEMDRV_LABEL), is_secret=True)
        )
    return tuple(images)


@dataclass(frozen=True, slots=True)
class Seed:
    """What an image says when it is read back."""

    label: str
    files: dict[str, bytes]


def read_seed(path: Path) -> Seed:
    """Return label and files of an image on the disk, by their Rock Ridge names.

    Raises:
        EnvironmentFailed: the file cannot be read.
        OutputRejected: it is no ISO image.
    """
    try:
        return parse_seed(path.read_bytes())
    except OSError as error:
        raise EnvironmentFailed(f"cannot read {path}: {error.strerror}") from None
    except OutputRejected as error:
        raise OutputRejected(f"{path} {error.message}") from None


def parse_seed(image: bytes) -> Seed:
    """Return label and files of an image.

    Raises:
        OutputRejected: it is no ISO image.
    """
    iso = PyCdlib()
    try:
        iso.open_fp(BytesIO(image))
        files = {}
        for child in iso.list_children(rr_path="/"):
            if child is not None and child.is_file():
                name = child.rock_ridge.name().decode()
                content = BytesIO()
                iso.get_file_from_iso_fp(content, rr_path=f"/{name}")
                files[name] = content.getvalue()
        return Seed(iso.pvd.volume_identifier.decode().rstrip(), files)
    # A damaged image reaches pycdlib's own arithmetic.
    except (PyCdlibException, ValueError, AttributeError, IndexError, struct_error) as error:
        raise OutputRejected(f"is not a readable ISO image: {error}") from None
