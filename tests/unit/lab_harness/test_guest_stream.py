"""What runs on a machine survives the session that started it, and no silence goes unnoticed.

ssh is a program that runs the command here; `systemd-run` starts it apart, as systemd would.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.lab import guest_stream
from tests.lab.guest_stream import GuestStream
from tests.lab.sightings import Sighting, longest_blind
from tests.lab.vip_watch import HAS, HAS_NOT, VipWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.lab.cluster import Lab

TICK = """
while True:
    say(sys.argv[1])
    time.sleep(0.05)
"""
PROGRAMS = {
    # The last word is the command of the remote shell.
    "ssh": 'for word; do :; done; exec sh -c "$word"',
    "sudo": 'shift 2; exec "$@"',
    "systemctl": """
pid=$(cat PLACE/pid 2>/dev/null) || exit 3
case $2 in
    is-active) kill -0 "$pid" 2>/dev/null ;;
    stop) kill "$pid" ;;
esac
""",
    "systemd-run": """
for word; do case $word in --*) shift ;; *) break ;; esac; done
setsid "$@" & echo $! >PLACE/pid
echo once >>PLACE/starts
""",
}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Return a lab of one machine: this one."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name, code in PROGRAMS.items():
        program = bin_dir / name
        program.write_text("#!/bin/sh\n" + code.replace("PLACE", str(tmp_path)) + "\n")
        program.chmod(0o755)
    (bin_dir / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{bin_dir}:{os.environ['PATH']}")
    monkeypatch.setattr(guest_stream, "FOLDER", str(tmp_path))
    monkeypatch.setattr(guest_stream, "RETRY_S", 0.1)
    target = SimpleNamespace(options=[], user="holster", host="127.0.0.1")
    connection = SimpleNamespace(_tool=SimpleNamespace(path=bin_dir / "ssh"), _target=target)
    machine = SimpleNamespace(name="a", is_on=True, on_at=1.0, _connection=connection)
    yield cast("Lab", SimpleNamespace(nodes={"a": machine}, vip="192.0.2.1"))
    machine.is_on = False


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait a few seconds at most."""
    deadline = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.external
@pytest.mark.parametrize("has_systemd", [True, False])
def test_sampler_goes_on_while_the_session_is_away(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_systemd: bool
) -> None:
    """A connection that breaks costs no look: what was sampled meanwhile is read with the next one."""
    if not has_systemd:
        (tmp_path / "bin" / "systemd-run").write_text("#!/bin/sh\nexit 1\n")
    sessions: list[float] = []
    follow = GuestStream._follow

    def count(stream: GuestStream, machine: Any) -> None:
        sessions.append(time.monotonic())
        follow(stream, machine)

    monkeypatch.setattr(GuestStream, "_follow", count)
    machine: Any = lab.nodes["a"]
    with GuestStream(lab, TICK, ("up",)) as stream:
        stream.wait_until_seen(15)
        first = stream.sightings()[0]
        assert len(list_samplers(tmp_path)) == 1
        # Another power-on, as the stream sees it: it hangs up and comes again.
        machine.on_at = 2.0
        wait_for(lambda: len(sessions) > 1)
        stream.wait_until_seen(15, since=sessions[1] + 0.5)
        seen = stream.sightings()
    assert {sighting.value for sighting in seen} == {"up"}
    assert {sighting.boot for sighting in seen} == {first.boot}
    assert longest_blind(seen) < 0.5
    samples = list(tmp_path.glob("*.samples"))
    assert samples == [], "removed with the end of the watch"
    if has_systemd:
        assert (tmp_path / "starts").read_text() == "once\n", "one sampler, however many sessions"
    wait_for(lambda: not list_samplers(tmp_path))


def is_running(pid: int) -> bool:
    """Say whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def list_samplers(folder: Path) -> list[int]:
    """Return the running samplers that write into a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"python3" and any(word.startswith(bytes(folder)) for word in words[1:]):
            found.append(int(entry.parent.name))
    return [pid for pid in found if is_running(pid)]


def test_machine_that_is_on_and_silent_is_named(lab: Lab) -> None:
    """A watch that sees nothing must not end as if there had been nothing to see."""
    stream = GuestStream(lab, TICK, ())
    with pytest.raises(TimeoutError, match="although on: a"):
        stream.wait_until_seen(0.0)
    cast("Any", lab.nodes["a"]).is_on = False
    stream.wait_until_seen(0.0)


class SeenStream:
    """What was seen is given; who is on was seen to the end."""

    def __init__(self, sightings: list[Sighting]) -> None:
        self._sightings = sightings
        self.waited = False

    def sightings(self) -> list[Sighting]:
        """Return it."""
        return self._sightings

    def wait_until_seen(self, timeout_s: float, since: float) -> None:
        """Remember that the end was waited for."""
        self.waited = timeout_s > 0 and since <= time.monotonic()


def see(boot: str, start: float, first: int, last: int, value: str = HAS) -> list[Sighting]:
    """Return a sighting of every second."""
    return [Sighting("a", boot, float(at), at - start, value) for at in range(first, last + 1)]


def watch(lab: Lab, sightings: list[Sighting]) -> VipWatch:
    """Return a watch that has seen this."""
    watch = VipWatch(lab)
    watch.stream = cast("GuestStream", SeenStream(sightings))
    return watch


def test_silence_of_half_a_minute_within_one_boot_fails(lab: Lab) -> None:
    """Although the watcher hung up meanwhile and came again."""
    silent = watch(lab, see("one", -90.0, 0, 10) + see("one", -90.0, 40, 50))
    with pytest.raises(AssertionError, match=r"not sampled for 30\.00 s"):
        silent.assert_never_two(5.0)


def test_power_cut_and_reboot_do_not_fail(lab: Lab) -> None:
    """The machine was off and booted; the end of the watch was waited for."""
    seen = watch(lab, see("one", -90.0, 0, 10) + see("two", 30.0, 75, 80, HAS_NOT))
    assert seen.assert_never_two(5.0) == 1.0
    assert cast("SeenStream", seen.stream).waited
    assert seen.list_unreleased() == ["a"]
