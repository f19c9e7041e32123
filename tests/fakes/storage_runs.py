"""Runs of the stage storage, and what they did to the disks."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.fakes.node_runs import Run, run

if TYPE_CHECKING:
    from tests.fakes.fake_machine import FakeMachine


# The last byte of a disk of 1024 MiB.
LAST = (1024 << 20) - 1


CHANGING = {
    "pvcreate",
    "vgcreate",
    "lvcreate",
    "mkfs.ext4",
    "pvresize",
    "lvextend",
    "mount",
    "vgchange",
    "wipefs -a",
}


def digests(fake: FakeMachine) -> dict[str, str]:
    """Return the digest of every disk and volume."""
    paths = [*fake.at("/dev").glob("sd*"), *fake.folder.glob("volume-*")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def changes(fake: FakeMachine) -> list[str]:
    """Return the commands that change disks."""
    return [call[0] for call in fake.calls if call[0] in CHANGING]


def refuse(fake: FakeMachine, cause: str) -> Run:
    """Run the storage stage, which must refuse and leave everything as it is."""
    fake.forget_calls()
    before, fstab = digests(fake), fake.at("/etc/fstab").read_text()
    result = run(fake, "storage")
    assert (result.code, result.failure["cause"]) == (3, cause), result.log.getvalue()
    assert digests(fake) == before
    assert changes(fake) == []
    assert fake.at("/etc/fstab").read_text() == fstab
    assert result.status["state"] == "refused"
    return result


def make_ours(fake: FakeMachine) -> None:
    """Let the program make the volumes, then reboot."""
    assert run(fake, "storage").code == 0
    fake.reboot()
    fake.forget_calls()


def forget_installation(fake: FakeMachine) -> None:
    """Reinstall the operating system: the data disks stay, the system disk is new."""
    for name in ("storage.json", "status.json", "bootstrap.json", "services.json"):
        fake.at(f"/var/lib/holster/{name}").unlink(missing_ok=True)
    fake.at("/etc/fstab").write_text("")
