"""Disks of the lab: sparse, compared by content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.lab.disks import digest_content, make_blank, write_at_start

if TYPE_CHECKING:
    from pathlib import Path


def test_blank_disk_takes_no_room(tmp_path: Path) -> None:
    """Five machines with disks of gigabytes must fit on a laptop."""
    disk = tmp_path / "disk"
    make_blank(disk, 2048)
    assert disk.stat().st_size == 2 << 30
    assert disk.stat().st_blocks == 0


def test_content_goes_to_the_start_and_the_size_stays(tmp_path: Path) -> None:
    """A foreign file system that was put on a disk."""
    disk, content = tmp_path / "disk", tmp_path / "content"
    make_blank(disk, 1)
    content.write_bytes(b"XFSB" + bytes(100_000) + b"end")
    write_at_start(disk, content)
    assert disk.stat().st_size == 1 << 20
    assert disk.read_bytes()[:100_007] == content.read_bytes()


def test_digest_says_whether_the_content_is_the_same(tmp_path: Path) -> None:
    """Written zeros are a hole's equals; one other byte anywhere is another content."""
    first, second = tmp_path / "first", tmp_path / "second"
    for disk in (first, second):
        make_blank(disk, 1)
    assert digest_content(first) == digest_content(second)
    with second.open("r+b") as stream:
        stream.write(bytes(200_000))
    assert digest_content(first) == digest_content(second)
    with second.open("r+b") as stream:
        stream.seek(70_000)
        stream.write(b"x")
    changed = digest_content(second)
    assert changed != digest_content(first)
    with first.open("r+b") as stream:
        stream.seek(70_001)
        stream.write(b"x")
    assert digest_content(first) != changed


def test_size_counts(tmp_path: Path) -> None:
    """A disk that was cut off is not the same."""
    first, second = tmp_path / "first", tmp_path / "second"
    make_blank(first, 1)
    make_blank(second, 2)
    assert digest_content(first) != digest_content(second)
