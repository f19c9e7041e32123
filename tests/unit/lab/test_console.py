"""What a serial console tells, read from what real machines said."""

from __future__ import annotations

import pytest

from generator.lab.console import ConsoleLog, Stop

BOOT = (
    "[    0.000000] Linux version 6.12.48 (debian-kernel@lists.debian.org)\r\n"
    "[[0;32m  OK  [0m] Started \x1b[0;1;39mcron.service\x1b[0m.\r\n"
    "\r\ntrio1 login: [   84.184910] systemd-ssh-generator[611]: Failed to query local AF_VSOCK CID\r\n"
    "[   87.675473] cloud-init[405]: Cloud-init v. 25.1.4 finished at Mon, 23 Nov 2026 03:42:33 +0000. "
    "Datasource DataSourceNoCloud [seed=/dev/sr0].  Up 87.55 seconds\r\n"
)
STAGES = (
    "holster: [preflight] begins\r\n"
    "holster: [preflight] done in 6.8 s\r\n"
    "[  112.1] EXT4-fs (dm-0): mounted holster: [storage] begins\r\n"
    "holster: [storage] waiting: the disk with serial holster-data: no such disk\r\n"
)


def read(text: str, at: float = 1.0) -> ConsoleLog:
    """Return a log that was fed at once."""
    log = ConsoleLog()
    log.feed(text, at)
    return log


def test_prompt_and_cloud_init_may_share_a_line() -> None:
    """Read at once, with an idle machine afterwards: the lab waited for a prompt that had come."""
    line = (
        "trio1 login: [  124.089865] cloud-init[447]: Cloud-init v. 25.1.4 finished at Mon, 23 Nov 2026\r\n"
    )
    assert read(line, 124.0).up_at == 124.0


def test_boot_ends_with_login_prompt_and_cloud_init() -> None:
    """Either alone says nothing: cloud-init runs on after the prompt, and a prompt may come last."""
    log = ConsoleLog()
    log.feed(BOOT[: BOOT.index("[   87")], 84.0)
    assert (log.login_at, log.up_at) == (84.0, None)
    log.feed(BOOT[BOOT.index("[   87") :], 88.0)
    assert log.up_at == 88.0
    assert log.outcome is None


def test_prompt_without_line_break_counts() -> None:
    """A machine that has nothing more to say stands at its prompt."""
    assert read("\r\nDebian GNU/Linux 13 pg1 ttyS0\r\n\r\npg1 login: ", 7.0).login_at == 7.0


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces_of_any_size_say_the_same(size: int) -> None:
    """The file is read while it is written: a line may come in two halves."""
    log = ConsoleLog()
    text = BOOT + STAGES
    for start in range(0, len(text), size):
        log.feed(text[start : start + size], 5.0)
    whole = read(text, 5.0)
    assert log.stages == whole.stages
    assert (log.note, log.up_at, log.tail) == (whole.note, whole.up_at, whole.tail)


def test_stages_have_begin_and_end() -> None:
    """Also where the kernel's words stand before them on the same line."""
    log = ConsoleLog()
    for moment, line in enumerate(STAGES.splitlines(keepends=True), 10):
        log.feed(line, moment)
    assert [(stage.name, stage.began, stage.ended) for stage in log.stages] == [
        ("preflight", 10, 11),
        ("storage", 12, None),
    ]
    assert log.note == "the disk with serial holster-data: no such disk"


def test_end_of_the_first_boot() -> None:
    """Ready is ready; the moment is kept."""
    log = read(STAGES)
    log.feed("holster: ready\r\n", 99.0)
    assert (log.outcome, log.ended_at) == ("sealed", 99.0)


@pytest.mark.parametrize(
    ("words", "outcome"), [("failed", "failed"), ("refused, no disk was changed", "refused")]
)
def test_cause_is_kept(words: str, outcome: str) -> None:
    """A wait must end with the cause, not with its deadline."""
    log = read(
        f"{STAGES}holster: [storage] {words}: disk-missing: the disk with serial x: no such disk\r\n"
        "holster: [storage] what to do: attach the disk\r\n"
    )
    assert (log.outcome, log.cause) == (outcome, "disk-missing")
    assert log.reason == "the disk with serial x: no such disk"


def test_unusable_node_json_is_an_end() -> None:
    """No stage begins then."""
    log = read("holster: /etc/holster/node.json: cluster: missing\r\n")
    assert (log.outcome, log.cause, log.reason) == ("failed", "node-invalid", "cluster: missing")


def test_run_that_begins_again_takes_the_failure_back() -> None:
    """After a power cut and a boot, or `systemctl restart holster-node`."""
    log = read(f"{STAGES}holster: [storage] failed: disk-missing: gone\r\n", 5.0)
    log.feed("holster: [preflight] begins\r\n", 20.0)
    assert log.outcome is None
    assert log.stage is not None
    assert (log.stage.name, log.stage.began) == ("preflight", 20.0)


def test_panic_is_seen() -> None:
    """Nothing comes after it."""
    assert read("[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n").has_panicked
    assert not read(BOOT).has_panicked


def test_tail_is_bounded_and_clean() -> None:
    """It goes into messages: no colours, no more lines than a screen holds."""
    log = read("".join(f"line {number}\r\n" for number in range(100)) + "\x1b[0;32mgreen\x1b[0m\r\n")
    assert log.tail[-2:] == ["line 99", "green"]
    assert len(log.tail) == 15


def test_every_stop_stays_known_when_the_program_is_started_again() -> None:
    """A run that failed may be tried again a minute later: the present outcome is none then."""
    log = ConsoleLog()
    log.feed("holster: [consul] begins\nholster: [consul] failed: gossip-key: no leader\n", 250.0)
    assert (log.outcome, log.ended_at) == ("failed", 250.0)
    log.feed("holster: [preflight] begins\n", 312.0)
    assert (log.outcome, log.ended_at) == (None, None)
    assert log.stops == [Stop("failed", "consul", "gossip-key", "no leader", 250.0)]
    log.feed("holster: ready\n", 400.0)
    assert log.outcome == "sealed"
    assert len(log.stops) == 1
