"""Seed images and payload archives: same bytes everywhere, and all that went in comes out."""

from __future__ import annotations

import io
import os
import tarfile
import time
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.errors import EnvironmentFailed, OutputRejected
from generator.pack.seed import pack_node, pack_payload, pack_seed, parse_seed, read_seed
from generator.render.rendered import RenderedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = b"#!/usr/bin/python3\n"
SEED = {
    "user-data": b"#cloud-config\n",
    "meta-data": b"instance-id: pg1\n",
    "network-config": b"version: 2\n",
}


@contextmanager
def moved_clock(zone: str, moment: float) -> Iterator[None]:
    """Set time zone and clock of this process."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        with patch("time.time", return_value=moment):
            yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def make_node() -> list[RenderedFile]:
    """Return the files of one node."""
    top = PurePosixPath("nodes/pg1")
    return [
        *(RenderedFile(top / name, content, is_secret=True) for name, content in SEED.items()),
        RenderedFile(top / "ks.cfg", b"text\n"),
        RenderedFile(top / "payload/etc/hosts", b"127.0.0.1 localhost\n", mode=0o644),
        RenderedFile(top / "payload/etc/consul.d/consul.hcl", b"secret", is_secret=True, mode=0o640),
        RenderedFile(top / "payload/usr/local/sbin/holster-node", b"\x00zip" * 700, mode=0o755),
        RenderedFile(PurePosixPath("nodes/pg10/payload/etc/hosts"), b"another node", mode=0o644),
    ]


@pytest.mark.parametrize("label", ["cidata", "OEMDRV", "MiXeD"])
def test_label_and_files_come_back(label: str) -> None:
    """The label keeps its case: cloud-init and Anaconda look for different ones."""
    seed = parse_seed(pack_seed(SEED, label))
    assert seed.label == label
    assert seed.files == SEED


@pytest.mark.parametrize(
    ("zone", "moment"),
    [("UTC", 0.0), ("Europe/Moscow", 1_800_000_000.5), ("Pacific/Kiritimati", 4_000_000_000.0)],
)
def test_clock_and_time_zone_leave_no_trace(zone: str, moment: float) -> None:
    """The library stamps the clock into some thirty places; none may survive."""
    expected = pack_node("pg1", make_node(), PROGRAM)
    with moved_clock(zone, moment):
        assert pack_node("pg1", make_node(), PROGRAM) == expected


def test_the_clock_would_leave_traces_without_pinning() -> None:
    """Proves that the test above can fail."""
    with patch("generator.pack.seed._pin_dates"):
        with moved_clock("UTC", 1_800_000_000):
            first = pack_seed(SEED, "cidata")
        with moved_clock("Europe/Moscow", 1_900_000_000):
            second = pack_seed(SEED, "cidata")
    assert first != second


def test_order_of_files_does_not_matter() -> None:
    """A mapping's order is an accident."""
    assert pack_seed(dict(reversed(SEED.items())), "cidata") == pack_seed(SEED, "cidata")


NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,40}", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=5000), max_size=40))
def test_any_names_come_back(files: dict[str, bytes]) -> None:
    """Long names that agree in their first eight letters must not collide; folders may fill sectors."""
    assert parse_seed(pack_seed(files, "cidata")).files == files


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=3000), min_size=20, max_size=60))
def test_large_folders_are_pinned_as_well(files: dict[str, bytes]) -> None:
    """Records continue in further sectors, Rock Ridge in continuation areas."""
    with moved_clock("Asia/Tokyo", 1_900_000_000):
        moved = pack_seed(files, "cidata")
    assert moved == pack_seed(files, "cidata")


def test_refuses_what_no_image_can_hold() -> None:
    """A label of 33 letters, a name with a folder: a renderer's bug."""
    with pytest.raises(OutputRejected, match="cannot pack an image labelled"):
        pack_seed(SEED, "x" * 33)
    with pytest.raises(OutputRejected, match="cannot pack an image labelled"):
        pack_seed({"etc/hosts": b""}, "cidata")


def test_node_gets_both_images() -> None:
    """What the installer and cloud-init look for, under the labels they look for."""
    seed, oemdrv = pack_node("pg1", make_node(), PROGRAM)

    assert (str(seed.path), str(oemdrv.path)) == ("nodes/pg1/seed.iso", "nodes/pg1/oemdrv.iso")
    assert seed.is_secret
    assert oemdrv.is_secret
    assert parse_seed(seed.content).label == "cidata"
    assert parse_seed(seed.content).files == SEED
    found = parse_seed(oemdrv.content)
    assert found.label == "OEMDRV"
    assert found.files == {
        "ks.cfg": b"text\n",
        "payload.tar": pack_payload(make_node()[:7]),
        "holster-node": PROGRAM,
    }


def test_no_installer_image_without_kickstart() -> None:
    """A platform that has no kickstart gets the seed alone."""
    files = [file for file in make_node() if file.path.name != "ks.cfg"]
    assert [file.path.name for file in pack_node("pg1", files, PROGRAM)] == ["seed.iso"]


@pytest.mark.parametrize("name", sorted(SEED))
def test_incomplete_seed_is_refused(name: str) -> None:
    """Trap 11: without meta-data cloud-init ignores the seed in silence."""
    files = [file for file in make_node() if file.path.name != name]
    with pytest.raises(OutputRejected, match=f"pg1 has no {name}"):
        pack_node("pg1", files, PROGRAM)


def test_payload_has_modes_root_and_no_folders() -> None:
    """An entry for a folder would change the mode of one that exists on the node."""
    with tarfile.open(fileobj=io.BytesIO(pack_payload(make_node()[:7]))) as tar:
        members = {
            member.name: (member.mode, member.uid, member.gid, member.uname, member.isfile())
            for member in tar
        }
        content = tar.extractfile("usr/local/sbin/holster-node")
        assert content is not None
        assert content.read() == b"\x00zip" * 700
    assert members == {
        "etc/consul.d/consul.hcl": (0o640, 0, 0, "root", True),
        "etc/hosts": (0o644, 0, 0, "root", True),
        "usr/local/sbin/holster-node": (0o755, 0, 0, "root", True),
    }


def test_payload_of_a_path_beyond_any_archive_is_refused() -> None:
    """Better than an archive that unpacks to a cut name."""
    path = PurePosixPath("nodes/pg1/payload") / ("x" * 300)
    with pytest.raises(OutputRejected, match="too long for an archive"):
        pack_payload([RenderedFile(path, b"")])


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "zeroed"])
def test_damaged_image_is_an_error_in_words(tmp_path: Path, damage: str) -> None:
    """A half-copied image must not end in a traceback."""
    image = pack_seed(SEED, "cidata")
    path = tmp_path / "seed.iso"
    path.write_bytes(
        {
            "empty": b"",
            "text": b"no image" * 9000,
            "cut": image[:40_000],
            "zeroed": image[:34_000] + bytes(len(image) - 34_000),
        }[damage]
    )
    with pytest.raises(OutputRejected, match="is not a readable ISO image"):
        read_seed(path)


def test_absent_image_is_an_error_in_words(tmp_path: Path) -> None:
    """The path and the cause."""
    with pytest.raises(EnvironmentFailed, match=r"cannot read .*seed\.iso: No such file"):
        read_seed(tmp_path / "seed.iso")
