"""A folder of artifacts is filled from a real server."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from generator.artifacts.fetch import (
    Brought,
    FetchIncomplete,
    SourceUnknown,
    bring_files,
    find_missing_wheels,
)
from generator.artifacts.folder import demand_whole, load_artifacts, sum_artifacts
from generator.artifacts.needs import FileNeed, Needs
from generator.artifacts.transfer import DigestMismatch
from tests.fakes.file_server import Behaviour, FileServer
from tests.unit.artifacts.test_unpack import PROGRAM, write_zip

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def needs(server: FileServer, tmp_path: Path) -> Needs:
    """Return the need of one zip with Consul, which the server has."""
    body = write_zip(tmp_path / "made.zip", {"consul": PROGRAM}).read_bytes()
    server.files["/1.22.0/consul_1.22.0.zip"] = Behaviour(body)
    need = FileNeed(
        name="programs/consul",
        key="components.consul",
        version="1.22.0",
        url=f"{server.url}/1.22.0/consul_1.22.0.zip",
        sha256=sha256(body).hexdigest(),
    )
    return Needs("redos8", "RED OS 8", "rpm", "3.11", (need,), (), False, "4.0.5", (), (), (), False, None)  # noqa: FBT003 -- one fact each


def bring(needs: Needs, root: Path) -> Brought:
    """Fill the folder."""
    return bring_files(needs, root, 5, lambda *_: None)


def test_the_program_and_its_line_in_the_manifest(needs: Needs, tmp_path: Path) -> None:
    """The folder is ready for a build."""
    root = tmp_path / "artifacts"
    (each,) = bring(needs, root).files
    assert each.is_new
    assert (root / "programs/consul").read_bytes() == PROGRAM
    assert load_artifacts(root).sums == {"programs/consul": sha256(PROGRAM).hexdigest()}
    demand_whole(load_artifacts(root))


def test_what_is_there_is_not_fetched_again(needs: Needs, server: FileServer, tmp_path: Path) -> None:
    """The second run asks nobody; a program that was lost comes from the archive."""
    root = tmp_path / "artifacts"
    bring(needs, root)
    stamps = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    (each,) = bring(needs, root).files
    assert not each.is_new
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()} == stamps
    (root / "programs/consul").unlink()
    bring(needs, root)
    assert (root / "programs/consul").read_bytes() == PROGRAM
    assert len(server.asked) == 1


def test_a_file_that_came_another_way_is_taken(needs: Needs, server: FileServer, tmp_path: Path) -> None:
    """Carried over on a stick into downloads/, under its own name."""
    root = tmp_path / "artifacts"
    (root / "downloads").mkdir(parents=True)
    (tmp_path / "made.zip").rename(root / "downloads/consul_1.22.0.zip")
    bring(needs, root)
    assert (root / "programs/consul").read_bytes() == PROGRAM
    assert server.asked == []


def test_other_lines_of_the_manifest_stay(needs: Needs, tmp_path: Path) -> None:
    """Packages were summed before; a program that changes does not vouch for them anew."""
    root = tmp_path / "artifacts"
    (root / "packages").mkdir(parents=True)
    (root / "packages/a.rpm").write_text("a")
    before = sum_artifacts(root).sums
    (root / "packages/a.rpm").write_text("changed")
    bring(needs, root)
    assert load_artifacts(root).sums == before | {"programs/consul": sha256(PROGRAM).hexdigest()}


def test_a_wrong_digest_leaves_the_old_program(needs: Needs, server: FileServer, tmp_path: Path) -> None:
    """Promised is promised: the vendor's file may have been replaced."""
    root = tmp_path / "artifacts"
    (root / "programs").mkdir(parents=True)
    (root / "programs/consul").write_text("old")
    server.files["/1.22.0/consul_1.22.0.zip"].body = b"another"
    brought = bring(needs, root)
    assert isinstance(brought.failure, DigestMismatch)
    assert brought.failure.exit_code == 1
    assert (root / "programs/consul").read_text() == "old"
    assert not list((root / "downloads").iterdir())


def test_one_failure_stops_no_other_and_all_are_named(needs: Needs, tmp_path: Path) -> None:
    """With the way out for each."""
    (consul,) = needs.files
    gone = replace(consul, name="programs/gone", url=f"{consul.url}.gone")
    unknown = replace(consul, name="programs/vip-manager", key="components.vip_manager", sha256=None)
    nowhere = replace(consul, name="programs/nowhere", key="components.nowhere", url=None)
    brought = bring(replace(needs, files=(gone, unknown, nowhere, consul)), tmp_path / "artifacts")
    assert [each.need.name for each in brought.files] == ["programs/consul"]
    assert isinstance(brought.failure, FetchIncomplete)
    for words in (
        *("3 files did not come", "404 Not Found", "downloads/consul_1.22.0.zip.gone"),
        *("set components.vip_manager.sha256", "nobody says where nowhere 1.22.0 is"),
    ):
        assert words in brought.failure.message


def test_nobody_knows_the_digest(needs: Needs, server: FileServer, tmp_path: Path) -> None:
    """Nothing is asked of a server then; a program put there by hand is taken as it is."""
    root, (consul,) = tmp_path / "artifacts", needs.files
    blind = replace(needs, files=(replace(consul, sha256=None),))
    failure = bring(blind, root).failure
    assert isinstance(failure, SourceUnknown)
    assert failure.exit_code == 1
    (root / "programs").mkdir()
    (root / "programs/consul").write_bytes(PROGRAM)
    assert bring(blind, root).failure is None
    assert load_artifacts(root).find("programs/consul")
    assert server.asked == []


def test_a_base_disk_lands_in_its_place(needs: Needs, server: FileServer, tmp_path: Path) -> None:
    """As it is: a disk is not unpacked."""
    root = tmp_path / "artifacts"
    server.files["/base.qcow2"] = Behaviour(b"disk")
    need = FileNeed(
        "base/disk.qcow2", "image.base_image", None, f"{server.url}/base.qcow2", sha256(b"disk").hexdigest()
    )
    disk = replace(needs, files=(need,))
    assert bring(disk, root).files[0].is_new
    assert not bring(disk, root).files[0].is_new
    assert (root / "base/disk.qcow2").read_bytes() == b"disk"
    assert len(server.asked) == 1


def test_missing_wheels_are_known_by_their_digests(needs: Needs, tmp_path: Path) -> None:
    """A file of the right name and of other content is none."""
    wheels = (
        f"one==1 sha256:{sha256(b'one').hexdigest()}",
        f"two==2 sha256:{sha256(b'two').hexdigest()}",
    )
    named = replace(needs, files=(), wheels=wheels, has_wheels=True)
    bring(named, tmp_path)
    assert (tmp_path / "wheels.txt").read_text().splitlines()[0] == wheels[0].replace(" ", " --hash=")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels/one-1-py3-none-any.whl").write_bytes(b"one")
    (tmp_path / "wheels/two-2-py3-none-any.whl").write_bytes(b"another")
    assert find_missing_wheels(named, tmp_path) == wheels[1:]
