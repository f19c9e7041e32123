"""The manifest: deterministic, strict when read, and the judge of what is current."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

import pytest

from generator.render.rendered import RenderedFile
from generator.write.manifest import (
    ManifestEntry,
    ManifestInputs,
    ManifestInvalid,
    build_manifest,
    describe_file,
    format_manifest,
    is_current,
    list_folders,
    load_manifest,
    parse_manifest,
    read_regular_file,
)
from generator.write.tree import write_tree
from tests.fakes.damage import damage_bytes, damage_data, make_draw

INPUTS = ManifestInputs("sirius", "0.1.0", "a" * 64, "b" * 64, "c" * 64)
FILES = [
    RenderedFile(PurePosixPath("packer/image.pkr.hcl"), b"image"),
    RenderedFile(
        PurePosixPath("nodes/pg1/payload/etc/consul.d/consul.hcl"),
        b"encrypt",
        is_secret=True,
        owner="root",
        group="consul",
        mode=0o640,
    ),
]


def make_text() -> bytes:
    """Return the manifest of the two files."""
    return format_manifest(build_manifest(INPUTS, map(describe_file, FILES), is_mixed=False))


def test_text_is_what_other_programs_rely_on() -> None:
    """Keys, order and spelling of modes are a promise."""
    assert json.loads(make_text()) == {
        "holster_manifest": 1,
        "cluster": "sirius",
        "tool_version": "0.1.0",
        "spec_sha256": "a" * 64,
        "bundle_sha256": "b" * 64,
        "program_sha256": "c" * 64,
        "files": [
            {
                "path": "nodes/pg1/payload/etc/consul.d/consul.hcl",
                "sha256": sha256(b"encrypt").hexdigest(),
                "size": 7,
                "mode": "0600",
                "secret": True,
                "owner": "root",
                "group": "consul",
                "node_mode": "0640",
            },
            {
                "path": "packer/image.pkr.hcl",
                "sha256": sha256(b"image").hexdigest(),
                "size": 5,
                "mode": "0644",
                "secret": False,
            },
        ],
    }
    assert make_text().endswith(b"]\n}\n")


def test_order_of_rendering_does_not_matter() -> None:
    """Sorted by path, so that a diff shows changes only."""
    turned = format_manifest(build_manifest(INPUTS, map(describe_file, FILES[::-1]), is_mixed=False))
    assert turned == make_text()


@pytest.mark.parametrize("is_mixed", [True, False])
def test_reading_gives_back_what_was_written(*, is_mixed: bool) -> None:
    """Nothing is lost, the flag of `--node` included."""
    manifest = build_manifest(INPUTS, map(describe_file, FILES), is_mixed=is_mixed)
    assert parse_manifest(format_manifest(manifest)) == manifest


def test_empty_manifest_is_json() -> None:
    """A cluster without files is odd, but no reason for broken JSON."""
    manifest = build_manifest(INPUTS, [], is_mixed=False)
    assert parse_manifest(format_manifest(manifest)) == manifest


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"holster_manifest": 1}',
        b"[" * 100_000,
        make_text().replace(b'"holster_manifest": 1', b'"holster_manifest": 2'),
        make_text().replace(b"packer/image", b"../../image"),
        make_text().replace(b"packer/image", b"/etc/image"),
        make_text().replace(b'"0644"', b'"rw-"'),
        make_text().replace(b'"size": 5', b'"size": null'),
        make_text().replace(b'"size": 5', b'"size": Infinity'),
        make_text().replace(b'"size": 5', b'"size": true'),
        make_text().replace(b'"size": 5', b'"size": ' + b"9" * 5000),
        make_text().replace(b'"0644"', b'"4755"'),
        make_text().replace(b'"0644"', b'"0600"'),
        make_text().replace(b"packer/image", b"packer/./image"),
        make_text().replace(b"packer/image", b"packer//image"),
        make_text().replace(b"packer/image", b"packer\\u0000image"),
        make_text().replace(b"packer/image", b"packer\\ud800image"),
        make_text().replace(b"packer/image.pkr.hcl", b"manifest.json"),
        make_text().replace(b"packer/image.pkr.hcl", b"nodes"),
        make_text().replace(b'"cluster": "sirius"', b'"cluster": null'),
        make_text().replace(b"a" * 64, b"a" * 63),
        make_text().replace(b'"files": [', b'"files": [1, '),
        make_text()[:-20],
    ],
)
def test_refuses_what_it_cannot_have_written(text: bytes) -> None:
    """Pruning trusts the manifest, so that it must not name paths outside."""
    with pytest.raises(ManifestInvalid):
        parse_manifest(text)


@pytest.mark.parametrize("kind", ["bytes", "data"])
def test_damage_never_ends_in_a_traceback(kind: str) -> None:
    """Refused, or read as something that Holster can have written: it is written again the same."""
    draw = make_draw(f"manifest, {kind}")
    for _ in range(2000):
        if kind == "bytes":
            text = damage_bytes(draw, make_text())
        else:
            data = json.loads(make_text())
            damage_data(draw, data)
            text = json.dumps(data).encode()
        with suppress(ManifestInvalid):
            manifest = parse_manifest(text)
            assert parse_manifest(format_manifest(manifest)) == manifest


def test_output_of_an_earlier_holster_is_ours_but_not_current(tmp_path: Path) -> None:
    """A key had another name: the next render replaces the output as any other."""
    target = tmp_path / "sirius"
    write_tree(FILES, target, INPUTS)
    path = target / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"program_sha256", b"templates_sha256"))
    assert not is_current(target, INPUTS)
    assert not write_tree(FILES, target, INPUTS).has_changed
    assert is_current(target, INPUTS)


def test_sizes_are_looked_at_before_reading(tmp_path: Path) -> None:
    """A sparse file of a terabyte, or a device, in place of a file or of the manifest."""
    target = tmp_path / "sirius"
    write_tree(FILES, target, INPUTS)
    os.truncate(target / "packer/image.pkr.hcl", 1 << 40)
    assert not is_current(target, INPUTS)
    os.truncate(target / "manifest.json", 1 << 40)
    with pytest.raises(ManifestInvalid):
        load_manifest(target)
    assert read_regular_file("/dev/zero") is None


def test_folders_above_a_secret_are_closed_whatever_the_order() -> None:
    """A public file must not reopen the folder that a secret one closed."""
    public = ManifestEntry("a/b/public", "", 0, 0o644, is_secret=False)
    secret = ManifestEntry("a/b/c/secret", "", 0, 0o600, is_secret=True)
    other = ManifestEntry("d/public", "", 0, 0o644, is_secret=False)
    expected = {"": 0o700, "a": 0o700, "a/b": 0o700, "a/b/c": 0o700, "d": 0o755}
    assert list_folders([public, secret, other]) == expected
    assert list_folders([secret, other, public]) == expected
    assert list_folders([other]) == {"": 0o755, "d": 0o755}


class TestIsCurrent:
    """The fast path of the second render must never lie."""

    @pytest.fixture
    def target(self, tmp_path: Path) -> Path:
        """Return the output of a render."""
        write_tree(FILES, tmp_path / "sirius", INPUTS)
        return tmp_path / "sirius"

    def test_after_a_render(self, target: Path) -> None:
        """The same inputs, the same files: nothing to do."""
        assert is_current(target, INPUTS)

    @pytest.mark.parametrize(
        "field", ["cluster", "tool_version", "spec_sha256", "bundle_sha256", "program_sha256"]
    )
    def test_not_after_any_input_changed(self, target: Path, field: str) -> None:
        """Each input counts, the templates of a work in progress as well."""
        assert not is_current(target, replace(INPUTS, **{field: "other"}))

    @pytest.mark.parametrize("change", ["content", "mode", "gone", "link", "folder", "open folder"])
    def test_not_after_a_file_changed(self, target: Path, change: str) -> None:
        """Bytes, mode and kind of every file, and the mode of its folders."""
        path = target / "nodes/pg1/payload/etc/consul.d/consul.hcl"
        match change:
            case "content":
                path.write_bytes(b"ENCRYPT")
            case "mode":
                path.chmod(0o644)
            case "gone":
                path.unlink()
            case "link":
                path.rename(target / "moved")
                path.symlink_to(target / "moved")
            case "folder":
                path.unlink()
                path.mkdir()
            case _:
                path.parent.chmod(0o755)
        assert not is_current(target, INPUTS)

    def test_not_where_there_is_nothing(self, tmp_path: Path) -> None:
        """Absent, empty, or with a broken manifest: render."""
        assert not is_current(tmp_path / "absent", INPUTS)
        assert not is_current(tmp_path, INPUTS)
        (tmp_path / "manifest.json").write_text("{")
        assert not is_current(tmp_path, INPUTS)

    def test_a_users_own_file_does_not_matter(self, target: Path) -> None:
        """Only listed files are judged."""
        (target / "notes.txt").write_text("mine")
        assert is_current(target, INPUTS)
        assert load_manifest(target) is not None
