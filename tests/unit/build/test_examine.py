"""Values are found wherever they stand on a sparse disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.build import examine
from generator.build.examine import find_values, judge_disk
from generator.platforms.profile import load_profile
from generator.tools.toolbox import ToolBox

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

VALUES = {"the gossip key": "gossip-gossip-gossip", "the CA key": "authority-authority"}


def write_sparse(path: Path, pieces: dict[int, bytes], size: int) -> None:
    """Write a file with holes between the pieces."""
    with path.open("wb") as stream:
        stream.truncate(size)
        for offset, content in pieces.items():
            stream.seek(offset)
            stream.write(content)


def test_a_value_behind_a_hole_is_found(tmp_path: Path) -> None:
    """And one that is not there is not."""
    disk = tmp_path / "disk.raw"
    write_sparse(disk, {0: b"head", 50 * 2**20: b"x" * 100 + b"gossip-gossip-gossip"}, 100 * 2**20)
    assert find_values(disk, VALUES) == ["the gossip key"]


def test_a_value_across_two_chunks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is read in pieces; a value may lie across their border."""
    monkeypatch.setattr(examine, "CHUNK", 4096)
    disk = tmp_path / "disk.raw"
    disk.write_bytes(b"x" * 4090 + b"authority-authority" + b"y" * 8192)
    assert find_values(disk, VALUES) == ["the CA key"]


def test_an_empty_disk_holds_nothing(tmp_path: Path) -> None:
    """Nothing but a hole."""
    disk = tmp_path / "disk.raw"
    write_sparse(disk, {}, 2**20)
    assert find_values(disk, VALUES) == []


def test_a_disk_with_partitions_is_searched_for_values(tmp_path: Path) -> None:
    """Where no plain file system tells what is left, its bytes still do; no program is needed."""
    disk = tmp_path / "disk.raw"
    write_sparse(disk, {510: b"\x55\xaa", 2**20: b"gossip-gossip-gossip"}, 2**22)
    found = judge_disk(ToolBox([]), disk, tmp_path, load_profile("redos8"), VALUES)
    assert found == ["the gossip key stands in the image"]
