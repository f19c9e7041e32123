"""A single file is there whole or not at all."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from generator.whole_file import match_strays, replace_file, write_beside

if TYPE_CHECKING:
    from pathlib import Path


def fail(*_: object) -> None:
    """Be a full disk."""
    raise OSError(28, "No space left on device")


def test_content_and_mode_are_new(tmp_path: Path) -> None:
    """Nothing stays beside it."""
    target = tmp_path / "file"
    target.write_text("old")
    replace_file(target, "нов\n", mode=0o600)
    assert target.read_text("utf-8") == "нов\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_what_was_there_stays_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The caller hears of it, and no copy is left."""
    target = tmp_path / "file"
    is_first = call == "link"
    if not is_first:
        target.write_text("old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(target, b"new", keeps_old=is_first)
    assert [path.read_text() for path in tmp_path.iterdir()] == ([] if is_first else ["old"])


def test_an_old_file_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    """Two that begin at once: the second one hears of the first."""
    target = tmp_path / "file"
    replace_file(target, b"first", keeps_old=True)
    with pytest.raises(FileExistsError):
        replace_file(target, b"second", keeps_old=True)
    assert target.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """What it points to is not ours."""
    other, target = tmp_path / "other", tmp_path / "file"
    other.write_text("mine")
    target.symlink_to(other)
    replace_file(target, b"new")
    assert (other.read_text(), target.is_symlink(), target.read_bytes()) == ("mine", False, b"new")


def test_what_a_power_cut_leaves_is_known_by_its_name(tmp_path: Path) -> None:
    """Whoever clears it looks for that name."""
    target = tmp_path / "a.b"
    with write_beside(target) as new:
        assert match_strays(target).fullmatch(new.path.name)
        assert not match_strays(tmp_path / "axb").fullmatch(new.path.name)
