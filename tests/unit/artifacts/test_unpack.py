"""One program out of what a vendor publishes."""

from __future__ import annotations

import gzip
import io
import random
import secrets
import stat
import tarfile
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from generator.artifacts.unpack import ArchiveInvalid, unpack_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM = b"\x7fELF" + b"program" * 1000


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: dict[str, bytes], mode: str = "gz") -> Path:
    """Write a compressed tar archive."""
    modes: dict[str, Any] = {"": "w", "gz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}
    with tarfile.open(path, modes[mode]) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


FILES = {
    "vip-manager_4.0.0_Linux_x86_64/LICENSE": b"BSD",
    "vip-manager_4.0.0_Linux_x86_64/vip-manager": PROGRAM,
}


def write_in_form(path: Path, kind: str, files: dict[str, bytes]) -> Path:
    """Write an archive of a kind, or the one program bare."""
    match kind:
        case "zip":
            return write_zip(path, files)
        case "tar" | "gz" | "bz2" | "xz":
            return write_tar(path, files, kind if kind != "tar" else "")
        case _:
            path.write_bytes(PROGRAM)
            return path


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "bz2", "xz", "bare"])
@pytest.mark.parametrize("name", ["a.zip", "a.tgz", "a.TAR.GZ", "a.rpm", "a.tar.gz?x", "vip-manager", "a"])
def test_the_program_is_found_in_every_form_under_any_name(tmp_path: Path, kind: str, name: str) -> None:
    """Consul comes as a zip, vip-manager as a tar with a folder, others bare; mirrors name them at will."""
    archive = write_in_form(tmp_path / name, kind, FILES)
    target = tmp_path / "programs/vip-manager"
    assert unpack_program(archive, "vip-manager", target) is True
    assert target.read_bytes() == PROGRAM
    assert target.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in target.parent.iterdir()] == ["vip-manager"]


def test_an_unchanged_program_is_not_touched(tmp_path: Path) -> None:
    """Whoever looks at dates sees that nothing happened."""
    archive = write_zip(tmp_path / "a.zip", {"consul": PROGRAM})
    target = tmp_path / "consul"
    unpack_program(archive, "consul", target)
    stamp = target.stat().st_mtime_ns
    assert unpack_program(archive, "consul", target) is False
    assert target.stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"README": b"x", "bin/other": b"y"}, "holds no file consul; it holds README, bin/other"),
        ({"a/consul": b"x", "b/consul": b"y"}, "holds more than one file consul"),
        ({}, "it holds nothing"),
        ({"consul": b"<html>"}, "the file consul of the archive is no program"),
        ({"consul": b""}, "the file consul of the archive is no program"),
        ({"consul": b"PK\x03\x04 an archive in an archive"}, "the file consul of the archive is no program"),
    ],
)
def test_an_archive_without_the_program_says_what_it_holds(
    tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    """The user sees which file was meant."""
    with pytest.raises(ArchiveInvalid, match=words):
        unpack_program(write_zip(tmp_path / "a.zip", files), "consul", tmp_path / "consul")
    assert not (tmp_path / "consul").exists()


@pytest.mark.parametrize(("head", "kind"), [(b"\xed\xab\xee\xdb\x03", "rpm"), (b"!<arch>\ndebian", "deb")])
def test_a_package_is_no_program(tmp_path: Path, head: bytes, kind: str) -> None:
    """Installed as one it would sit in /usr/bin and never start."""
    (tmp_path / "vip.pkg").write_bytes(head + bytes(100))
    with pytest.raises(ArchiveInvalid, match=f"is a {kind} package"):
        unpack_program(tmp_path / "vip.pkg", "vip-manager", tmp_path / "vip-manager")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_damaged_archive_leaves_nothing(tmp_path: Path, kind: str) -> None:
    """A digest that was declared from a damaged file does not make it whole."""
    archive = tmp_path / f"a.{kind}"
    body = PROGRAM + bytes(i * 7919 % 251 for i in range(200_000))
    (write_zip if kind == "zip" else write_tar)(archive, {"consul": body})
    content = bytearray(archive.read_bytes())
    if kind == "zip":
        content[len(content) // 2] ^= 0xFF
    else:
        del content[len(content) // 2 :]
    archive.write_bytes(content)
    with pytest.raises(ArchiveInvalid, match="cannot be unpacked"):
        unpack_program(archive, "consul", tmp_path / "consul")
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_a_name_in_an_archive_cannot_leave_the_folder(tmp_path: Path) -> None:
    """Only the content is taken; the place is ours."""
    archive = write_tar(tmp_path / "a.tar.gz", {"../../consul": PROGRAM})
    unpack_program(archive, "consul", tmp_path / "programs/consul")
    assert (tmp_path / "programs/consul").read_bytes() == PROGRAM
    assert not (tmp_path.parent / "consul").exists()


def _write_zip_of_link(path: Path) -> None:
    entry = zipfile.ZipInfo("consul")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "#!../../etc/passwd")


def _write_encrypted_zip(path: Path) -> None:
    write_zip(path, {"consul": PROGRAM})
    content = bytearray(path.read_bytes())
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + offset] |= 1
    path.write_bytes(content)


def _write_zip_with_odd_method(path: Path) -> None:
    write_zip(path, {"consul": PROGRAM})
    content = bytearray(path.read_bytes())
    for header, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(header) + offset] = 97
    path.write_bytes(content)


def _write_tar_of(kind: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        entry = tarfile.TarInfo("consul")
        entry.type, entry.linkname = kind, "/etc/passwd"
        with tarfile.open(path, "w") as archive:
            archive.addfile(entry)

    return write


def _write_huge_tar(path: Path) -> None:
    entry = tarfile.TarInfo("consul")
    entry.size = 3 << 30
    path.write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + PROGRAM)


def _write_gzip_without_tar(path: Path) -> None:
    path.write_bytes(gzip.compress(PROGRAM))


def _write_empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_write_zip_of_link, "holds no file consul"),
        (_write_encrypted_zip, "encrypted"),
        (_write_zip_with_odd_method, "compression"),
        (_write_tar_of(tarfile.SYMTYPE), "holds no file consul"),
        (_write_tar_of(tarfile.LNKTYPE), "holds no file consul"),
        (_write_tar_of(tarfile.FIFOTYPE), "holds no file consul"),
        (_write_tar_of(tarfile.CHRTYPE), "holds no file consul"),
        (_write_huge_tar, "more than 2 GiB"),
        (_write_gzip_without_tar, "neither a program, a zip nor a tar"),
        (_write_empty, "neither a program, a zip nor a tar"),
    ],
)
def test_odd_archives_are_refused_in_words(tmp_path: Path, write: Callable[[Path], None], words: str) -> None:
    """A digest vouches for the bytes, not for what they are."""
    write(tmp_path / "download")
    with pytest.raises(ArchiveInvalid, match=words):
        unpack_program(tmp_path / "download", "consul", tmp_path / "consul")
    assert [path.name for path in tmp_path.iterdir()] == ["download"]


def test_a_zip_that_begins_before_its_own_file_is_damaged(tmp_path: Path) -> None:
    """A random test found it: zipfile seeks to a negative place, and the system's refusal is no disk's."""
    path = write_in_form(tmp_path / "download", "zip", FILES)
    content = bytearray(path.read_bytes())
    # The end record's field with the place of the directory: all members move before the beginning.
    content[-6:-2] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ArchiveInvalid, match="cannot be read"):
        unpack_program(path, "vip-manager", tmp_path / "out")


def test_a_mutated_archive_never_ends_in_a_traceback(tmp_path: Path) -> None:
    """Bytes changed, cut, doubled: the program or words."""
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 -- shown when it fails
    draw = random.Random(seed)  # noqa: S311 -- a test's draw
    for number in range(300):
        kind = draw.choice(["zip", "tar", "gz", "bz2", "xz"])
        path = write_in_form(tmp_path / "download", kind, FILES)
        content = bytearray(path.read_bytes())
        for _ in range(draw.choice([1, 1, 2, 5])):
            place = draw.randrange(len(content))
            match draw.randrange(4):
                case 0:
                    content[place] ^= 1 << draw.randrange(8)
                case 1:
                    del content[place:]
                case 2:
                    content[place:place] = content[: draw.randrange(64)]
                case _:
                    content[place : place + 4] = draw.randbytes(4)
            content = content or bytearray(1)
        path.write_bytes(content)
        with suppress(ArchiveInvalid):
            unpack_program(path, "vip-manager", tmp_path / f"out{number % 2}")
