"""Seed images read by a program that shares no code with their maker."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from generator.pack.seed import pack_node, pack_seed
from generator.render.rendered import RenderedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    Tool = Callable[..., Path]

pytestmark = pytest.mark.external

USER_DATA = b"#cloud-config\n" + bytes(range(256)) * 300

PROGRAM = b"#!/usr/bin/python3\n"


def make_node() -> list[RenderedFile]:
    """Return the files of one node."""
    top = PurePosixPath("nodes/pg1")
    return [
        RenderedFile(top / "user-data", USER_DATA, is_secret=True),
        RenderedFile(top / "meta-data", b"instance-id: pg1-1\n"),
        RenderedFile(top / "network-config", b"version: 2\n"),
        RenderedFile(top / "ks.cfg", b"text\nreboot\n"),
        RenderedFile(top / "payload/etc/hosts", b"127.0.0.1 localhost\n", mode=0o644),
        RenderedFile(top / "payload/etc/consul.d/consul.hcl", b'encrypt = ""\n', mode=0o640),
    ]


def run(program: Path, *arguments: str | Path) -> str:
    """Return what the program prints; it must succeed."""
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def extract(xorriso: Path, image: Path, folder: Path, tree: str) -> dict[str, bytes]:
    """Return the files of the image as the named tree (Rock Ridge or Joliet) shows them."""
    choice = ["-read_fs", tree]
    run(xorriso, "-no_rc", "-osirrox", "on", *choice, "-indev", image, "-extract", "/", folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("tree", ["norock", "nojoliet"])
@pytest.mark.parametrize("name", ["seed.iso", "oemdrv.iso"])
def test_independent_reader_finds_label_and_files(
    tool: Callable[..., Path], tmp_path: Path, name: str, tree: str
) -> None:
    """Both trees of both images: whichever a system mounts, it finds the same files."""
    xorriso = tool("xorriso")
    image = {file.path.name: file for file in pack_node("pg1", make_node(), PROGRAM)}[name]
    path = tmp_path / name
    path.write_bytes(image.content)

    label = {"seed.iso": "cidata", "oemdrv.iso": "OEMDRV"}[name]
    assert f"Volume id    : '{label}'" in run(xorriso, "-no_rc", "-indev", path, "-toc")
    found = extract(xorriso, path, tmp_path / "out", tree)
    if name == "seed.iso":
        assert found == {
            "user-data": USER_DATA,
            "meta-data": b"instance-id: pg1-1\n",
            "network-config": b"version: 2\n",
        }
    else:
        assert sorted(found) == ["holster-node", "ks.cfg", "payload.tar"]
        assert found["ks.cfg"] == b"text\nreboot\n"
        (tmp_path / "payload.tar").write_bytes(found["payload.tar"])
        with tarfile.open(tmp_path / "payload.tar") as tar:
            assert tar.getnames() == ["etc/consul.d/consul.hcl", "etc/hosts"]


def test_mounted_files_are_for_root_alone_and_dated_alike(tool: Callable[..., Path], tmp_path: Path) -> None:
    """Rock Ridge decides what Linux shows: 0400, and the pinned date in every stamp."""
    path = tmp_path / "seed.iso"
    path.write_bytes(pack_seed({"user-data": USER_DATA, "meta-data": b"x"}, "cidata"))
    listed = run(tool("xorriso"), "-no_rc", "-indev", path, "-lsl", "/", "--")
    lines = [line for line in listed.splitlines() if line.endswith(("'user-data'", "'meta-data'"))]
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("-r--------")
        assert "Jan  1  2020" in line


def test_image_is_sound(tool: Callable[..., Path], tmp_path: Path) -> None:
    """No warning about size, overlap or damaged records, with a folder of several sectors."""
    path = tmp_path / "large.iso"
    path.write_bytes(pack_seed({f"a-rather-long-name-{n:03}": b"x" * n for n in range(90)}, "cidata"))
    said = run(tool("xorriso"), "-no_rc", "-report_about", "WARNING", "-indev", path, "-check_media", "--")
    assert "WARNING" not in said
    assert len(extract(tool("xorriso"), path, tmp_path / "out", "any")) == 90
