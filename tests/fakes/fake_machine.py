"""A machine that plays its part: disks, LVM, systemd, Consul and Patroni as the first boot sees them.

State lives in files below one folder, so that a killed program and the next one
find the same machine.  Every command is recorded.  It proves order, arguments and
convergence, never how a real program behaves: tests/external does that.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.fake_disks import DISK_COMMANDS
from tests.fakes.fake_patroni import go_on, is_serving
from tests.fakes.fake_services import SERVICE_COMMANDS, answer_web

if TYPE_CHECKING:
    from collections.abc import Callable

Result = tuple[int, str, str]


class FakeMachine:
    """One machine below `folder`; `root` is what the first-boot program is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        self.kill_at: tuple[int, str] | None = None
        self._lock = threading.Lock()
        self.state: dict[str, Any] = {}
        self.load()

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.json"

    @property
    def _calls_file(self) -> Path:
        return self.folder / "calls.jsonl"

    def load(self) -> None:
        """Read the state that this or another process left."""
        if self._state_file.exists():
            self.state = json.loads(self._state_file.read_text())
        else:
            self.state = {
                "groups": {},
                "units": {},
                "missing": [],
                "scripts": {},
                "tokens": {},
                "policies": {},
                "keys": {},
                "devices": [],
                "leads": True,
                "synchronised": True,
            }

    def save(self) -> None:
        """Keep the state for the next process."""
        self._state_file.write_text(json.dumps(self.state))

    @property
    def calls(self) -> list[list[str]]:
        """Every command so far, as argument lists."""
        if not self._calls_file.exists():
            return []
        return [json.loads(line) for line in self._calls_file.read_text().splitlines()]

    def forget_calls(self) -> None:
        """Start a new record."""
        self._calls_file.unlink(missing_ok=True)

    def at(self, path: str) -> Path:
        """Return where the machine's `path` is."""
        return self.root / path.lstrip("/")

    def inside(self, path: str) -> str:
        """Return a host path as the machine calls it."""
        return "/" + os.path.relpath(path, self.root) if path.startswith(str(self.root)) else path

    def _die(self, moment: str) -> None:
        if self.kill_at is not None and self.kill_at == (len(self.calls), moment):
            os.kill(os.getpid(), signal.SIGKILL)

    def call(self, argv: list[str]) -> Result:
        """Play one command: a script of the test first, else the machine's own behaviour."""
        self.load()
        with self._calls_file.open("a") as stream:
            stream.write(json.dumps([self.inside(word) for word in argv]) + "\n")
        self._die("before")
        name = Path(argv[0]).name
        result = self._play(name, argv[1:])
        self.save()
        self._die("after")
        return result

    def _play(self, name: str, arguments: list[str]) -> Result:
        script = self.state["scripts"].get(name)
        if script is not None:
            return script[0], script[1], script[2]
        play: Callable[[FakeMachine, list[str]], Result] | None = {**DISK_COMMANDS, **SERVICE_COMMANDS}.get(
            name
        )
        return play(self, arguments) if play else (0, "", "")

    def script(self, name: str, code: int, output: str = "", errors: str = "") -> None:
        """Let a command always answer this."""
        self.state["scripts"][name] = [code, output, errors]
        self.save()

    def unscript(self, name: str) -> None:
        """Give a command its own behaviour back."""
        self.state["scripts"].pop(name, None)
        self.save()

    def find(self, name: str) -> str | None:
        """Say where a program is, or that it is missing."""
        return None if name in self.state["missing"] else f"/usr/bin/{name}"

    def web(self, method: str, url: str, token: str | None, body: Any) -> tuple[int, str]:
        """Answer as this machine's Consul or Patroni, one question after the other."""
        with self._lock:
            self.load()
            answer = answer_web(self, method, url, token, body)
            self.save()
            return answer

    def is_serving(self) -> bool:
        """Say whether this machine's PostgreSQL accepts connections."""
        with self._lock:
            self.load()
            go_on(self)
            self.save()
            return is_serving(self)

    def add_disk(self, name: str, mib: int, content: dict[str, Any] | None = None) -> Path:
        """Attach a disk; `content` is what wipefs and blkid find on it."""
        sysfs = self.at(f"/sys/class/block/{name}")
        (sysfs / "holders").mkdir(parents=True, exist_ok=True)
        (sysfs / "size").write_text(f"{mib * 2048}\n")
        (sysfs / "ro").write_text("0\n")
        (sysfs / "dev").write_text(f"8:{ord(name[-1])}\n")
        device = self.at(f"/dev/{name}")
        device.parent.mkdir(parents=True, exist_ok=True)
        device.write_text("" if content is None else json.dumps(content))
        return device

    def add_map(self, name: str, alias: str, paths: dict[str, int], wwid: str) -> Path:
        """Make a multipath map `name` (dm-N) that is shown as /dev/mapper/ALIAS over disks, path -> MiB."""
        for path, mib in paths.items():
            device = self.add_disk(path, mib)
            self.link(f"/sys/class/block/{path}/holders/{name}", f"/sys/class/block/{name}")
            # One disk: what is written through the map is read through each path.
            device.unlink()
        self.add_dm(name, alias, f"mpath-{wwid}", next(iter(paths.values())))
        for path in paths:
            self.link(f"/sys/class/block/{name}/slaves/{path}", f"/sys/class/block/{path}")
            os.link(self.at(f"/dev/{name}"), self.at(f"/dev/{path}"))
        self.link(f"/dev/disk/by-id/dm-uuid-mpath-{wwid}", f"/dev/{name}")
        self.state.setdefault("maps", {})[name] = alias
        self.save()
        return self.at(f"/dev/{name}")

    def add_dm(self, name: str, alias: str, uuid: str, mib: int) -> None:
        """Make a device-mapper device that is shown as /dev/mapper/ALIAS."""
        self.add_disk(name, mib)
        sysfs = self.at(f"/sys/class/block/{name}")
        (sysfs / "dev").write_text(f"253:{name.removeprefix('dm-')}\n")
        for folder in ("dm", "slaves"):
            (sysfs / folder).mkdir(exist_ok=True)
        (sysfs / "dm/uuid").write_text(f"{uuid}\n")
        (sysfs / "dm/name").write_text(f"{alias}\n")
        self.link(f"/dev/mapper/{alias}", f"/dev/{name}")

    def link(self, path: str, target: str) -> None:
        """Let a path of the machine lead to another one."""
        link = self.at(path)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(self.at(target), link.parent))

    def reboot(self) -> None:
        """Lose what a reboot loses: mounts, active volumes, running units."""
        self.load()
        mountinfo = self.at("/proc/self/mountinfo")
        for line in mountinfo.read_text().splitlines():
            point = self.at(line.split()[4])
            if point.is_symlink():
                point.unlink()
                point.mkdir()
        mountinfo.write_text("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
        shutil.rmtree(self.at("/dev/mapper"), ignore_errors=True)
        for name, alias in self.state.get("maps", {}).items():
            self.link(f"/dev/mapper/{alias}", f"/dev/{name}")
        shutil.rmtree(self.at("/run"), ignore_errors=True)
        for unit in self.state["units"].values():
            unit["active"] = unit["enabled"]
        self.save()
