"""Bundles on the disk: private, whole, made once; errors name places only."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest
import yaml

from generator.credentials.bundle import CredentialBundle, create_bundle, extend_bundle
from generator.credentials.document import format_bundle, parse_bundle
from generator.credentials.store import (
    BundleExists,
    load_bundle,
    remove_strays,
    save_bundle,
    update_bundle,
)
from generator.errors import BundleInvalid, EnvironmentFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from generator.credentials.bundle import NodeIdentity

    MakeEntropy = Callable[[str], Callable[[int], bytes]]
    Nodes = tuple[NodeIdentity, ...]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the place of a bundle; its folder is not there yet."""
    return tmp_path / "secrets" / "sirius.yaml"


def test_what_is_saved_comes_back(path: Path, bundle: CredentialBundle) -> None:
    """Every secret, character for character."""
    save_bundle(path, bundle)
    assert load_bundle(path) == bundle


def test_file_and_folder_are_private_and_ignored_by_git(path: Path, bundle: CredentialBundle) -> None:
    """0600 in 0700; the folder tells git to leave it alone, wherever it lies."""
    before = os.umask(0)
    try:
        save_bundle(path, bundle)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "*" in (path.parent / ".gitignore").read_text().splitlines()
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".gitignore", "sirius.yaml"]


def test_existing_folder_is_left_as_it_is(path: Path, bundle: CredentialBundle) -> None:
    """Whoever made it decided on its mode."""
    path.parent.mkdir(mode=0o750)
    save_bundle(path, bundle)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
    assert [entry.name for entry in path.parent.iterdir()] == ["sirius.yaml"]


def test_person_can_read_the_file(bundle: CredentialBundle) -> None:
    """A header in words, PEM in blocks of lines, nothing escaped; any YAML reader agrees."""
    text = format_bundle(bundle).decode()
    assert text.startswith("# Holster: all secrets of the cluster sirius.")
    assert "  certificate: |\n    -----BEGIN CERTIFICATE-----\n" in text
    assert "\\n" not in text
    data = yaml.safe_load(text)
    assert data["nodes"]["pg1"]["key"] == bundle.nodes["pg1"].key.get_secret_value()


@pytest.mark.parametrize(
    "password", ["yes", "12345678", "1e10", "null", "a: b # c", "'\"", "ключ", "|", " x "]
)
def test_passwords_of_people_survive(bundle: CredentialBundle, password: str) -> None:
    """Imported passwords are not as tame as ours."""
    passwords = bundle.passwords.model_copy(update={"rest": type(bundle.gossip_key)(password)})
    changed = bundle.model_copy(update={"passwords": passwords})
    assert parse_bundle(format_bundle(changed), "x") == changed


def test_save_does_not_overwrite_unless_told(
    path: Path, bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """A bundle in use is worth more than any new one."""
    other = create_bundle("sirius", nodes[:1], years=2, now=now, entropy=make_entropy("other"))
    save_bundle(path, bundle)
    with pytest.raises(BundleExists, match="exists already and is not overwritten"):
        save_bundle(path, other)
    assert load_bundle(path) == bundle
    save_bundle(path, other, replace=True)
    assert load_bundle(path) == other
    assert len(list(path.parent.iterdir())) == 2


def test_save_replaces_no_link(path: Path, bundle: CredentialBundle, tmp_path: Path) -> None:
    """Neither the link nor what it names."""
    path.parent.mkdir()
    (tmp_path / "elsewhere").write_text("old")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EnvironmentFailed, match="not a regular file"):
        save_bundle(path, bundle, replace=True)
    assert (tmp_path / "elsewhere").read_text() == "old"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604])
def test_open_bundle_is_refused_with_the_command_that_mends_it(
    path: Path, bundle: CredentialBundle, mode: int
) -> None:
    """Group or world, reading or writing."""
    save_bundle(path, bundle)
    path.chmod(mode)
    with pytest.raises(BundleInvalid, match=rf"open to others \(mode {mode:04o}\)") as caught:
        load_bundle(path)
    assert caught.value.hint == f"chmod 600 {path}"
    path.chmod(0o600)
    assert load_bundle(path) == bundle


def test_owner_may_protect_the_bundle_even_from_writing(path: Path, bundle: CredentialBundle) -> None:
    """0400 is stricter than needed, and fine."""
    save_bundle(path, bundle)
    path.chmod(0o400)
    assert load_bundle(path) == bundle


@pytest.mark.parametrize("kind", ["absent", "link", "folder", "pipe"])
def test_what_is_no_file_is_refused(path: Path, bundle: CredentialBundle, kind: str) -> None:
    """A pipe must not hang the render, a link must not lead it elsewhere."""
    path.parent.mkdir(mode=0o700)
    match kind:
        case "link":
            save_bundle(path.with_name("real.yaml"), bundle)
            path.symlink_to("real.yaml")
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path, 0o600)
    expected = {
        "absent": "there is no credential bundle",
        "link": "is a symbolic link",
        "folder": "not a regular file",
        "pipe": "not a regular file",
    }[kind]
    with pytest.raises(BundleInvalid, match=expected):
        load_bundle(path)


BROKEN = [
    ("", "is not a credential bundle"),
    ("SENTINEL", "is not a credential bundle"),
    ("- SENTINEL", "has a list: line 1, column 1"),
    ("cluster: SENTINEL", "is not a credential bundle"),
    ("a: [SENTINEL", r"has a list: line 1, column 4"),
    ("a: {SENTINEL", r"is not YAML: line 2, column 1"),
    ("a: 1\n\tb: SENTINEL", r"is not YAML: line 2, column 1"),
    ("a: \x00SENTINEL", "is not YAML"),
    ("holster_bundle: 2\nx: SENTINEL", "another format than version 1"),
    ("holster_bundle: 1\nholster_bundle: 1\nx: SENTINEL", "or a key twice: line 2, column 1"),
    ("holster_bundle: 1\nSENTINEL: 1", "an unknown key in the top"),
    ("holster_bundle: 1\n", "passwords is missing"),
    ("holster_bundle: 1\nnodes: {pg1: {SENTINEL: 1}}", r"an unknown key in nodes\.pg1"),
    ("holster_bundle: 1\nnodes: {'-----SENTINEL': 1}", r"nodes\.\? is not what belongs there"),
    ("holster_bundle: 1\ngossip_key: [SENTINEL]", "has a list: line 2, column 13"),
    ("holster_bundle: 1\ngossip_key: {SENTINEL: 1}", "gossip_key is not what belongs there"),
    ("holster_bundle: 1\n? [SENTINEL]\n: 1", "has a list"),
    ("holster_bundle: 1\n? {SENTINEL: 1}\n: 1", "a mapping as key"),
    ("holster_bundle: 1\n---\nSENTINEL: 1", "has a second document"),
    ("!!python/object/apply:os.system [SENTINEL]", "has a tag"),
    ("a: !!binary SENTINEL", "has a tag"),
    ("[" * 5000, "has a list"),
    ("{a: " * 100_000, "has more than 8 levels"),
    ("{? " * 100_000, "a mapping as key"),
    ("a: &SENTINEL b\nc: *SENTINEL", "has an anchor or an alias: line 1, column 4"),
    ("&a [*a]", "has an anchor or an alias"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_errors_name_the_place_and_never_the_content(text: str, message: str) -> None:
    """Whoever reads the log of a failed render must not learn a secret."""
    with pytest.raises(BundleInvalid, match=message) as caught:
        parse_bundle(text.encode(), "secrets/x.yaml")
    error = caught.value
    assert str(error).startswith("secrets/x.yaml ")
    assert "SENTINEL" not in f"{error!r} {error} {error.hint} {error.__cause__!r}"
    assert error.__context__ is None or error.__suppress_context__


def test_bytes_that_are_no_text_are_refused() -> None:
    """A binary file under the bundle's name."""
    with pytest.raises(BundleInvalid, match="is not YAML"):
        parse_bundle(b"\xff\xfe\x00SENTINEL", "x")


class TestUpdate:
    """Made at the first render, extended later, never made anew."""

    def test_made_once(self, path: Path, nodes: Nodes, now: datetime, make_entropy: MakeEntropy) -> None:
        """The second call is given what the first one wrote, and writes nothing."""
        entropy = make_entropy("live")

        def change(old: CredentialBundle | None) -> CredentialBundle:
            if old is None:
                return create_bundle("sirius", nodes, years=2, now=now, entropy=entropy)
            return extend_bundle(old, nodes, years=2, now=now, entropy=entropy)

        first = update_bundle(path, change)
        status = path.stat()
        second = update_bundle(path, change)

        assert first == second == load_bundle(path)
        after = path.stat()
        assert (after.st_ino, after.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)

    def test_extended_in_place(
        self, path: Path, bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
    ) -> None:
        """A new node is written; the mode stays private."""
        save_bundle(path, bundle)
        new = type(nodes[0])("pg3", "192.168.11.183", is_server=False, datacenter="sirius", domain="consul")

        def change(old: CredentialBundle | None) -> CredentialBundle:
            assert old is not None
            return extend_bundle(old, [*nodes, new], years=2, now=now, entropy=make_entropy("x"))

        extended = update_bundle(path, change)

        assert "pg3" in extended.nodes
        assert load_bundle(path) == extended
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_broken_bundle_is_never_replaced(self, path: Path, bundle: CredentialBundle) -> None:
        """A new bundle in its place would cut off every running machine."""
        path.parent.mkdir()
        path.write_text("half a bun")
        path.chmod(0o600)
        with pytest.raises(BundleInvalid):
            update_bundle(path, lambda _old: bundle)
        assert path.read_text() == "half a bun"

    def test_parallel_first_renders_agree_on_one_bundle(
        self, path: Path, nodes: Nodes, now: datetime
    ) -> None:
        """Eight at once: all work with the one that is on the disk."""
        barrier = Barrier(8)
        results: list[CredentialBundle] = []

        def render() -> None:
            barrier.wait()
            results.append(
                update_bundle(
                    path,
                    lambda old: old or create_bundle("s", nodes[:1], years=2, now=now, entropy=os.urandom),
                )
            )

        threads = [Thread(target=render) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stored = load_bundle(path)
        assert len(results) == 8
        assert all(result == stored for result in results)


FULL_DISK = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import os
from generator.credentials.bundle import create_bundle
from generator.credentials.store import save_bundle
from generator.errors import HolsterError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
made = create_bundle("sirius", [], years=2, now=datetime.now(UTC), entropy=os.urandom)
try:
    save_bundle(Path(sys.argv[1]), made, replace=True)
except HolsterError as error:
    sys.stdout.write(str(error))
"""


@pytest.mark.starts_python
def test_full_disk_leaves_the_old_bundle(path: Path, bundle: CredentialBundle) -> None:
    """The bundle cannot be made again: half a bundle would be the worst of all."""
    save_bundle(path, bundle)

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )

    assert done.stdout == f"cannot write {path}: File too large"
    assert load_bundle(path) == bundle
    assert len(list(path.parent.iterdir())) == 2


def test_folder_that_cannot_be_made(tmp_path: Path, bundle: CredentialBundle) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "secrets").write_text("")
    with pytest.raises(EnvironmentFailed, match="cannot write"):
        save_bundle(tmp_path / "secrets" / "x.yaml", bundle)
    with pytest.raises(EnvironmentFailed, match="cannot write"):
        update_bundle(tmp_path / "secrets" / "x.yaml", lambda _old: bundle)


@pytest.mark.starts_python
def test_death_at_any_moment_leaves_a_whole_bundle_and_no_copy(tmp_path: Path) -> None:
    """At every effect on the disk of making and of extending one; the next call removes what was left."""
    script = Path(__file__).with_name("crashing_store.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15


def test_copies_of_interrupted_calls_are_removed_and_nothing_else(
    path: Path, bundle: CredentialBundle
) -> None:
    """They hold every secret, and no command would ever look at them."""
    save_bundle(path, bundle)
    strays = [path.with_name(f".sirius.yaml.{number:016x}") for number in (1, 2)]
    others = [path.with_name(name) for name in (".sirius.yaml.swp", ".vega.yaml.0123456789abcdef", "x")]
    for each in (*strays, *others):
        each.write_text("x")
    assert remove_strays(path) == tuple(strays)
    assert remove_strays(path) == ()
    assert all(each.exists() for each in others)
    assert load_bundle(path) == bundle


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
NOBODY = 65534


@needs_root
def test_bundle_of_another_user_is_refused(path: Path, bundle: CredentialBundle) -> None:
    """Its owner can change every secret that root would bring to the machines."""
    save_bundle(path, bundle)
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(BundleInvalid, match="belongs to another user"):
        load_bundle(path)


@pytest.mark.parametrize("how", ["owner", "group", "everybody", "link"])
def test_folder_that_another_user_can_write_is_refused(
    path: Path, bundle: CredentialBundle, tmp_path: Path, how: str
) -> None:
    """Whoever can exchange the file there has made the secrets of the cluster."""
    if how != "everybody" and os.geteuid() != 0:
        pytest.skip("root alone is as strict as that")
    save_bundle(path, bundle)
    match how:
        case "owner":
            os.chown(path.parent, NOBODY, 0)
        case "group":
            path.parent.chmod(0o770)
        case "everybody":
            path.parent.chmod(0o777)
        case _:
            link = tmp_path / "link"
            link.symlink_to(path.parent)
            os.lchown(link, NOBODY, NOBODY)
            path = link / path.name
    extend = partial(update_bundle, path, lambda _: bundle.model_copy())
    for attempt in (lambda: load_bundle(path), lambda: save_bundle(path, bundle, replace=True), extend):
        with pytest.raises(BundleInvalid, match="another user can write"):
            attempt()


def test_sticky_folder_is_taken(path: Path, bundle: CredentialBundle) -> None:
    """In /tmp nobody can rename what is ours."""
    save_bundle(path, bundle)
    path.parent.chmod(0o1777)
    assert load_bundle(path) == bundle
