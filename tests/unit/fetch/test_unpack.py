"""One program out of what a vendor publishes."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from generator.fetch.unpack import ArchiveInvalid, unpack_program

if TYPE_CHECKING:
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
    with tarfile.open(path, "w:xz" if mode == "xz" else "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


FILES = {
    "vip-manager_4.0.0_Linux_x86_64/LICENSE": b"BSD",
    "vip-manager_4.0.0_Linux_x86_64/vip-manager": PROGRAM,
}


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz", "bare"])
def test_the_program_is_found_in_every_form(tmp_path: Path, kind: str) -> None:
    """Consul comes as a zip, vip-manager as a tar with a folder, others bare."""
    archive = tmp_path / f"download.{kind}"
    if kind == "zip":
        write_zip(archive, FILES)
    elif kind == "bare":
        archive.write_bytes(PROGRAM)
    else:
        write_tar(archive, FILES, kind.partition(".")[2])
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
        ({"README": b"x", "bin/other": b"y"}, "holds no file called consul; it holds README, bin/other"),
        ({"a/consul": b"x", "b/consul": b"y"}, "holds more than one file called consul"),
        ({}, "it holds nothing"),
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
    body = bytes(i * 7919 % 251 for i in range(200_000))
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
