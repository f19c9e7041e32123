"""Files are replaced whole, and are on the disk when the call returns."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from generator.node.machine.rootfs import RootFs

TARGET = "/var/lib/holster/status.json"


@pytest.fixture
def fs(tmp_path: Path) -> RootFs:
    """Return an empty machine."""
    return RootFs(str(tmp_path))


def test_bytes_reach_the_disk_before_the_name_and_the_name_before_the_return(
    fs: RootFs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, rename, folder: any other order can leave an empty file after a power cut."""
    steps: list[str] = []
    replace = Path.replace

    def sync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        content = fs.at(TARGET).exists()
        steps.append(f"{kind} {'after' if content else 'before'}")

    def rename(source: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    fs.write(TARGET, "new", 0o600)
    assert steps == ["file before", "rename", "folder after"]
    assert fs.at(TARGET).stat().st_mode & 0o777 == 0o600


def test_an_interrupted_write_leaves_the_old_file_and_nothing_that_stops_the_next(
    fs: RootFs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The half file has one fixed name and is overwritten."""
    fs.write(TARGET, "old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_paths: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            fs.write(TARGET, "half")
    assert fs.read(TARGET) == "old"
    fs.write(TARGET, "new")
    assert [path.name for path in fs.at(TARGET).parent.iterdir()] == ["status.json"]
    assert fs.read(TARGET) == "new"


def test_a_file_is_never_readable_for_others_before_its_mode_is_set(
    fs: RootFs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its draft is private whatever the umask says."""
    seen: list[int] = []
    fchmod = os.fchmod

    def look(descriptor: int, mode: int) -> None:
        seen.append(os.fstat(descriptor).st_mode & 0o777)
        fchmod(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", look)
    previous = os.umask(0)
    try:
        fs.write(TARGET, "text", 0o644)
    finally:
        os.umask(previous)
    assert seen == [0o600]


def test_a_missing_user_is_named(fs: RootFs) -> None:
    """A group line is as long as a user's with an empty home."""
    fs.write("/etc/passwd", "postgres:x:26:26::/var/lib/pgsql:/bin/bash\nbroken\n")
    fs.write("/etc/group", "postgres:x:26:\n")
    account = fs.account("postgres")
    assert account is not None
    assert (account.uid, account.gid, fs.group("postgres")) == (26, 26, 26)
    with pytest.raises(LookupError, match="user consul or group consul does not exist"):
        fs.own("/etc/passwd", "consul", "consul", 0o600)
