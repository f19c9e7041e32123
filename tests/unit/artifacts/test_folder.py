"""A folder of artifacts is what its manifest says, or the build does not begin."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from generator.artifacts.folder import (
    ArtifactsInvalid,
    demand_whole,
    find_differences,
    load_artifacts,
    sum_artifacts,
)
from generator.errors import UsageInvalid
from tests.fakes.damage import damage_bytes, damage_data, make_draw

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a program and two packages."""
    for name in ("programs/consul", "packages/a.deb", "packages/b.deb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_what_was_summed_is_whole(folder: Path) -> None:
    """The manifest itself is no artifact."""
    made = sum_artifacts(folder)
    assert sorted(made.sums) == ["packages/a.deb", "packages/b.deb", "programs/consul"]
    assert load_artifacts(folder) == made
    assert find_differences(made) == []
    assert set(made.disc_folders) == {"packages", "programs"}


def test_every_difference_is_named_at_once(folder: Path) -> None:
    """Missing, changed and unknown files."""
    sum_artifacts(folder)
    (folder / "packages/a.deb").unlink()
    (folder / "packages/b.deb").write_text("another")
    (folder / "packages/c.deb").write_text("c")
    with pytest.raises(ArtifactsInvalid) as caught:
        demand_whole(load_artifacts(folder))
    for line in ("a.deb: missing", "b.deb: its SHA-256 differs", "c.deb: not in the manifest"):
        assert line in caught.value.message


def test_a_folder_without_manifest_or_artifacts_is_refused(tmp_path: Path) -> None:
    """With the command that mends it."""
    with pytest.raises(ArtifactsInvalid, match=r"cannot read .*manifest\.json"):
        load_artifacts(tmp_path)
    with pytest.raises(UsageInvalid, match="holds no artifacts"):
        sum_artifacts(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"holster": 2, "files": {}}', '{"holster": 1, "files": {"a": 1}}']
)
def test_a_manifest_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    """No traceback for a broken file."""
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ArtifactsInvalid, match="is not a manifest"):
        load_artifacts(tmp_path)


def test_damaged_manifest_is_refused_in_words(tmp_path: Path) -> None:
    """Or still is a manifest of files below the folder."""
    (tmp_path / "programs").mkdir()
    for name in ("consul", "vip-manager"):
        (tmp_path / "programs" / name).write_bytes(b"x")
    sum_artifacts(tmp_path)
    path = tmp_path / "manifest.json"
    whole = path.read_bytes()
    draw = make_draw("artifacts")
    for _ in range(500):
        data = json.loads(whole)
        damage_data(draw, data)
        path.write_bytes(json.dumps(data).encode() if draw.random() < 0.5 else damage_bytes(draw, whole))
        with suppress(ArtifactsInvalid):
            artifacts = load_artifacts(tmp_path)
            find_differences(artifacts)
            assert all(name.split("/")[0] == "programs" and ".." not in name for name in artifacts.sums)
