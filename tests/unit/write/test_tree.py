"""The writer: all of a tree or nothing, unchanged files untouched, strangers' files kept."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path, PurePosixPath

import pytest

from generator.errors import EnvironmentFailed, OutputRejected, UsageInvalid
from generator.render.rendered import RenderedFile
from generator.write.manifest import ManifestInputs, is_current, load_manifest
from generator.write.tree import write_tree

CRASHING = Path(__file__).with_name("crashing_writer.py")
ROOT = Path(__file__).parents[2]
INPUTS = ManifestInputs("sirius", "0.1.0", "a" * 64, "b" * 64, "c" * 64)


def make_file(path: str, content: str = "", *, secret: bool = False, mode: int | None = None) -> RenderedFile:
    """Return a rendered file; its content is its path unless told."""
    return RenderedFile(PurePosixPath(path), (content or path).encode(), is_secret=secret, mode=mode)


def make_tree() -> list[RenderedFile]:
    """Return a small cluster: secrets, payload, a file of the cluster itself."""
    return [
        make_file("nodes/pg1/user-data", secret=True),
        make_file("nodes/pg1/payload/etc/hosts", mode=0o644),
        make_file("nodes/pg1/payload/etc/consul.d/consul.hcl", secret=True, mode=0o640),
        make_file("nodes/pg2/user-data", secret=True),
        make_file("packer/image.pkr.hcl"),
    ]


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return inode, time, mode and content of the folder's parent and all below."""
    found = {}
    for path in sorted([folder.parent, *folder.parent.rglob("*")]):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (status.st_ino, status.st_mtime_ns, status.st_mode, content)
    return found


def read_tree(folder: Path) -> dict[str, str]:
    """Return the text of every file except the manifest."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the output folder of a cluster; nothing is there yet."""
    return tmp_path / "output" / "sirius"


def beside(target: Path) -> list[str]:
    """Return what stands beside the output folder."""
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def test_writes_everything_with_modes(target: Path) -> None:
    """Files with secrets are 0600, every folder above one is 0700."""
    report = write_tree(make_tree(), target, INPUTS)

    assert read_tree(target) == {str(file.path): file.content.decode() for file in make_tree()}
    assert sorted(report.written) == sorted(str(file.path) for file in make_tree())
    assert report.has_changed
    modes = {str(path.relative_to(target)): stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*")}
    assert modes["nodes/pg1/user-data"] == 0o600
    assert modes["nodes/pg1/payload/etc/hosts"] == 0o644
    assert modes["nodes/pg1/payload/etc/consul.d"] == 0o700
    assert modes["nodes"] == modes["nodes/pg1"] == modes["nodes/pg2"] == 0o700
    assert modes["packer"] == 0o755
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert beside(target) == []


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_do_not_depend_on_the_umask(target: Path, umask: int) -> None:
    """A strict umask would otherwise cause a rewrite at every render."""
    before = os.umask(umask)
    try:
        write_tree(make_tree(), target, INPUTS)
    finally:
        os.umask(before)
    assert stat.S_IMODE((target / "nodes/pg1/user-data").stat().st_mode) == 0o600
    assert stat.S_IMODE((target / "packer/image.pkr.hcl").stat().st_mode) == 0o644
    assert stat.S_IMODE((target / "packer").stat().st_mode) == 0o755
    assert is_current(target, INPUTS)


def test_second_write_touches_nothing_at_all(target: Path) -> None:
    """Not even the time of a folder changes."""
    write_tree(make_tree(), target, INPUTS)
    before = snapshot(target)

    report = write_tree(make_tree(), target, INPUTS)

    assert snapshot(target) == before
    assert not report.has_changed
    assert report.unchanged == 5


def test_unchanged_files_keep_inode_and_time_when_others_change(target: Path) -> None:
    """Backup and image tools see only what really changed."""
    write_tree(make_tree(), target, INPUTS)
    kept = (target / "nodes/pg1/user-data").stat()
    time.sleep(0.01)
    changed = [*make_tree()[:-1], make_file("packer/image.pkr.hcl", "new")]

    report = write_tree(changed, target, INPUTS)

    after = (target / "nodes/pg1/user-data").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_nlink) == (kept.st_ino, kept.st_mtime_ns, 1)
    assert report.written == ("packer/image.pkr.hcl",)
    assert report.unchanged == 4
    assert (target / "packer/image.pkr.hcl").read_text() == "new"
    assert beside(target) == []


def test_prunes_only_what_an_earlier_render_made(target: Path) -> None:
    """Notes, artefacts, links and empty folders of the user stay."""
    write_tree(make_tree(), target, INPUTS)
    (target / "nodes/pg2/notes.txt").write_text("mine")
    (target / "artifacts").mkdir()
    (target / "artifacts/consul.rpm").write_text("mine, too")
    (target / "link").symlink_to("/etc/hostname")
    (target / "empty").mkdir()

    report = write_tree(make_tree()[:3], target, INPUTS)

    assert report.removed == ("nodes/pg2/user-data", "packer/image.pkr.hcl")
    assert (target / "nodes/pg2/notes.txt").read_text() == "mine"
    assert (target / "artifacts/consul.rpm").read_text() == "mine, too"
    assert (target / "link").is_symlink()
    assert (target / "empty").is_dir()
    assert not (target / "packer").exists()
    assert not (target / "nodes/pg2/user-data").exists()
    assert beside(target) == []


def test_a_users_folder_that_becomes_ours_is_merged(target: Path) -> None:
    """A node that joins the spec finds the user's notes about it in its folder."""
    write_tree(make_tree(), target, INPUTS)
    (target / "nodes/pg3").mkdir()
    (target / "nodes/pg3/notes.txt").write_text("mine")

    write_tree([*make_tree(), make_file("nodes/pg3/user-data", secret=True)], target, INPUTS)

    assert (target / "nodes/pg3/notes.txt").read_text() == "mine"
    assert (target / "nodes/pg3/user-data").exists()


def test_damaged_file_and_wrong_mode_are_mended(target: Path) -> None:
    """Content and mode are compared with the disk, not with the old manifest."""
    write_tree(make_tree(), target, INPUTS)
    (target / "packer/image.pkr.hcl").write_text("edited by hand")
    (target / "nodes/pg1/user-data").chmod(0o644)
    assert not is_current(target, INPUTS)

    report = write_tree(make_tree(), target, INPUTS)

    assert sorted(report.written) == ["nodes/pg1/user-data", "packer/image.pkr.hcl"]
    assert is_current(target, INPUTS)


def test_opened_folder_is_closed_again(target: Path) -> None:
    """A folder with secrets that was opened is a change, too."""
    write_tree(make_tree(), target, INPUTS)
    (target / "nodes").chmod(0o755)

    write_tree(make_tree(), target, INPUTS)

    assert stat.S_IMODE((target / "nodes").stat().st_mode) == 0o700


def test_only_the_manifest_changes_when_no_byte_of_the_output_does(target: Path) -> None:
    """A comment in the spec does not rebuild the tree."""
    write_tree(make_tree(), target, INPUTS)
    inode = target.stat().st_ino
    other = ManifestInputs("sirius", "0.1.0", "d" * 64, "b" * 64, "c" * 64)

    report = write_tree(make_tree(), target, other)

    assert not report.has_changed
    assert target.stat().st_ino == inode
    assert is_current(target, other)
    assert beside(target) == []


def test_refuses_a_folder_of_somebody_else(target: Path) -> None:
    """A mistyped --output must not cost anybody a file."""
    target.mkdir(parents=True)
    (target / "thesis.txt").write_text("years of work")

    with pytest.raises(UsageInvalid, match=r"not empty and holds no manifest\.json of Holster"):
        write_tree(make_tree(), target, INPUTS)

    assert read_tree(target) == {"thesis.txt": "years of work"}
    assert beside(target) == []


def test_refuses_a_manifest_of_somebody_else(target: Path) -> None:
    """Web applications have a manifest.json, too."""
    target.mkdir(parents=True)
    (target / "manifest.json").write_text('{"name": "a web application"}')

    with pytest.raises(UsageInvalid, match="is not a manifest of Holster"):
        write_tree(make_tree(), target, INPUTS)


def test_refuses_the_output_of_another_cluster(target: Path) -> None:
    """One folder, one cluster: the other one's files would be pruned."""
    write_tree(make_tree(), target, INPUTS)

    with pytest.raises(UsageInvalid, match="holds the output of the cluster sirius"):
        write_tree(make_tree(), target, ManifestInputs("vega", "0.1.0", "a" * 64, "b" * 64, "c" * 64))

    assert is_current(target, INPUTS)


def test_takes_an_empty_folder(target: Path) -> None:
    """People make the folder first; that is fine."""
    target.mkdir(parents=True)
    write_tree(make_tree(), target, INPUTS)
    assert is_current(target, INPUTS)


def test_refuses_a_users_file_in_the_way(target: Path) -> None:
    """What was not made by Holster is never overwritten."""
    write_tree(make_tree(), target, INPUTS)
    (target / "nodes/pg1/seed.iso").write_text("mine")

    with pytest.raises(UsageInvalid, match=r"seed\.iso is in the way and was not made by Holster"):
        write_tree([*make_tree(), make_file("nodes/pg1/seed.iso", "ours")], target, INPUTS)

    assert (target / "nodes/pg1/seed.iso").read_text() == "mine"


def test_follows_no_link_instead_of_the_folder(target: Path, tmp_path: Path) -> None:
    """Secrets go where the user said, not where a link leads."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target.parent.mkdir()
    target.symlink_to(elsewhere)

    with pytest.raises(UsageInvalid, match="is not a folder"):
        write_tree(make_tree(), target, INPUTS)

    assert list(elsewhere.iterdir()) == []


def test_follows_no_link_inside_the_folder(target: Path, tmp_path: Path) -> None:
    """Nor does pruning reach through a link."""
    write_tree(make_tree(), target, INPUTS)
    elsewhere = tmp_path / "elsewhere"
    (target / "nodes/pg1").rename(elsewhere)
    (target / "nodes/pg1").symlink_to(elsewhere)

    with pytest.raises(UsageInvalid, match="nodes/pg1 is in the way"):
        write_tree([make_file("nodes/pg1/user-data", "new", secret=True)], target, INPUTS)

    assert (elsewhere / "user-data").read_text() == "nodes/pg1/user-data"


def test_replaces_a_link_instead_of_a_file_without_touching_what_it_names(
    target: Path, tmp_path: Path
) -> None:
    """The link goes, its target stays as it was."""
    victim = tmp_path / "victim"
    victim.write_text("packer/image.pkr.hcl")
    write_tree(make_tree(), target, INPUTS)
    (target / "packer/image.pkr.hcl").unlink()
    (target / "packer/image.pkr.hcl").symlink_to(victim)
    assert not is_current(target, INPUTS)

    write_tree(make_tree(), target, INPUTS)

    assert not (target / "packer/image.pkr.hcl").is_symlink()
    assert victim.read_text() == "packer/image.pkr.hcl"


def test_refuses_a_planted_link_as_leftover(target: Path, tmp_path: Path) -> None:
    """Clearing up must not be turned against another folder."""
    victim = tmp_path / "victim" / "sirius"
    write_tree(make_tree(), victim, INPUTS)
    target.parent.mkdir()
    target.with_name(".sirius.partial").symlink_to(victim)

    with pytest.raises(EnvironmentFailed, match="it is no folder of this user"):
        write_tree(make_tree(), target, INPUTS)

    assert is_current(victim, INPUTS)


@pytest.mark.parametrize("path", ["../evil", "a/../../evil", "/etc/passwd", "manifest.json", "."])
def test_refuses_impossible_paths(target: Path, path: str) -> None:
    """A renderer's bug cannot write outside the folder."""
    with pytest.raises(OutputRejected, match="impossible path"):
        write_tree([make_file(path, "x")], target, INPUTS)
    assert not target.exists()


def test_refuses_two_files_of_one_name_and_a_file_as_folder(target: Path) -> None:
    """Nor let one file hide another."""
    with pytest.raises(OutputRejected, match="impossible path"):
        write_tree([make_file("a"), make_file("a")], target, INPUTS)
    with pytest.raises(OutputRejected, match="a file and a folder"):
        write_tree([make_file("a"), make_file("a/b")], target, INPUTS)


class TestPartial:
    """`--node`: some machines are rendered, the others stay."""

    def test_keeps_other_nodes(self, target: Path) -> None:
        """Other nodes keep their very inodes; rendered ones are pruned as usual."""
        write_tree(make_tree(), target, INPUTS)
        inode = (target / "nodes/pg2/user-data").stat().st_ino

        report = write_tree(
            [make_file("nodes/pg1/user-data", "new", secret=True)], target, INPUTS, partial=True
        )

        assert read_tree(target) == {
            "nodes/pg1/user-data": "new",
            "nodes/pg2/user-data": "nodes/pg2/user-data",
            "packer/image.pkr.hcl": "packer/image.pkr.hcl",
        }
        assert (target / "nodes/pg2/user-data").stat().st_ino == inode
        assert report.written == ("nodes/pg1/user-data",)
        assert len(report.removed) == 2

    def test_from_the_same_inputs_stays_current(self, target: Path) -> None:
        """Rendering one node again changes nothing about the claim of the manifest."""
        write_tree(make_tree(), target, INPUTS)
        write_tree(make_tree()[:3], target, INPUTS, partial=True)
        assert is_current(target, INPUTS)

    @pytest.mark.parametrize("starts_whole", [True, False])
    def test_from_other_inputs_never_passes_for_whole(self, target: Path, *, starts_whole: bool) -> None:
        """Else a later full render would take old nodes for current."""
        if starts_whole:
            write_tree(make_tree(), target, INPUTS)
        newer = ManifestInputs("sirius", "0.1.0", "e" * 64, "b" * 64, "c" * 64)

        write_tree(make_tree()[:3], target, newer, partial=True)
        write_tree(make_tree()[3:4], target, newer, partial=True)

        assert not is_current(target, newer)
        write_tree(make_tree(), target, newer)
        assert is_current(target, newer)

    def test_names_a_missing_file_of_another_node(self, target: Path) -> None:
        """The manifest never lists what is not there."""
        write_tree(make_tree(), target, INPUTS)
        (target / "nodes/pg2/user-data").unlink()

        with pytest.raises(EnvironmentFailed, match="nodes/pg2/user-data of the last render is missing"):
            write_tree([make_file("nodes/pg1/user-data", "new")], target, INPUTS, partial=True)

        assert (target / "nodes/pg1/user-data").read_text() == "nodes/pg1/user-data"
        assert beside(target) == []


def run_crashing(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Start the crashing writer."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, str(CRASHING), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )


@pytest.mark.starts_python
@pytest.mark.parametrize("job", ["steps", "fallback"])
def test_death_at_any_step_leaves_one_whole_version(target: Path, job: str) -> None:
    """A power cut before any effect on the disk: old output or new, and the user's file once."""
    done = run_crashing(job, str(target))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


@pytest.mark.starts_python
def test_kill_at_random_moments_leaves_one_whole_version(target: Path) -> None:
    """SIGKILL, also in the middle of a write."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for attempt in range(8):
        with subprocess.Popen(
            [sys.executable, str(CRASHING), "loop", str(target)], stdout=subprocess.PIPE, env=environment
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.003 * attempt)
            writer.kill()
        manifest = load_manifest(target)
        assert manifest is not None
        assert is_current(target, manifest.inputs)
    write_tree(make_tree(), target, ManifestInputs("c", "0", "a" * 64, "b" * 64, "c" * 64))
    assert is_current(target, ManifestInputs("c", "0", "a" * 64, "b" * 64, "c" * 64))
    assert beside(target) == []


@pytest.mark.starts_python
@pytest.mark.parametrize("limit", [0, 100, 900])
def test_full_disk_leaves_the_old_output(target: Path, limit: int) -> None:
    """Every write past the limit fails as on a full disk; 0 stops the first byte."""
    old = ManifestInputs("c", "0", "a" * 64, "b" * 64, "c" * 64)
    write_tree(make_tree(), target, old)
    before = snapshot(target)

    done = run_crashing("limit", str(target), str(limit))

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("EnvironmentFailed cannot write")
    assert "the last output is as it was free some space" in done.stdout
    after = snapshot(target)
    assert {name: rest[2:] for name, rest in after.items()} == {
        name: rest[2:] for name, rest in before.items()
    }
    assert is_current(target, old)


@pytest.mark.starts_python
def test_read_only_folder_is_named() -> None:
    """The error says which folder, and the hint what to mend."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        done = run_crashing("unprivileged", f"{name}/sirius")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"EnvironmentFailed cannot write {name}/.sirius.lock: Permission denied")
    assert "mend the folder's permissions" in done.stdout


def test_a_file_where_the_folders_parent_should_be(target: Path) -> None:
    """An error in words, no traceback."""
    target.parent.write_text("a file")
    with pytest.raises(EnvironmentFailed, match="cannot write"):
        write_tree(make_tree(), target, INPUTS)


def test_two_writers_do_not_mix(target: Path) -> None:
    """The second one is told so; a stale lock file is no obstacle."""
    target.parent.mkdir()
    with (target.parent / ".sirius.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(EnvironmentFailed, match="another Holster is writing"):
            write_tree(make_tree(), target, INPUTS)
    # A lock file that a killed process left is no obstacle.
    write_tree(make_tree(), target, INPUTS)
    assert beside(target) == []


def test_leftovers_of_a_killed_render_are_cleared(target: Path) -> None:
    """A tree without manifest was never finished: all in it is ours."""
    write_tree(make_tree(), target, INPUTS)
    partial = target.with_name(".sirius.partial")
    (partial / "nodes/pg1").mkdir(parents=True)
    (partial / "nodes/pg1/user-data").write_text("half")
    target.with_name(".sirius.manifest.json").write_text("{")

    report = write_tree(make_tree(), target, INPUTS)

    assert not report.has_changed
    assert beside(target) == []


def test_without_links_files_are_written_anew(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems (FAT, shared folders) have no hard links."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    write_tree(make_tree(), target, INPUTS)
    monkeypatch.setattr(os, "link", refuse)

    write_tree([*make_tree(), make_file("nodes/pg3/user-data")], target, INPUTS)
    write_tree([make_file("nodes/pg1/user-data", "new")], target, INPUTS, partial=True)

    assert load_manifest(target) is not None
    assert read_tree(target)["nodes/pg2/user-data"] == "nodes/pg2/user-data"
