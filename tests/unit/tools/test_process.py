"""Starting programs: what they see, how they end, what a failure says."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING

import pytest

from generator.errors import ToolFailed, ToolMissing
from generator.tools.process import CANCELLATION, SCRATCH, Command, describe_exit, last_lines, redact, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.starts_python

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    print(os.getpid(), file=open(sys.argv[1] + ".new", "w"), flush=True)
    os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)
"""
"""A program that ignores SIGTERM and has a child of its own."""


def _python(code: str, *arguments: str, **options: object) -> Command:
    return Command([sys.executable, "-c", code, *arguments], "try it", **options)  # type: ignore[arg-type]


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:  # noqa: PTH123 - procfs
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _has_died(pid: int) -> bool:
    """The kernel ends a killed program when it gets around to it."""
    deadline = time.monotonic() + 3
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _is_alive(pid)


def _wait_for_child(path: Path) -> int:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline, "the program did not start its child"
        time.sleep(0.02)
    return int(path.read_text())


def test_answer_has_both_streams_and_the_code() -> None:
    """An accepted code is an answer; errors come first in the joint output."""
    answer = run(
        _python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", accepted=(3,))
    )
    assert (answer.exit_code, answer.stdout, answer.stderr) == (3, "out\n", "err\n")
    assert answer.output == "err\nout"


def test_environment_is_minimal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's environment leaks into a tool's decision."""
    monkeypatch.setenv("PACKER_LOG", "1")
    answer = run(_python("import os; print(*sorted(os.environ))", environment={"NAMED": "1"}))
    # LC_CTYPE is set by Python itself when it starts under C.UTF-8.
    assert set(answer.stdout.split()) - {"LC_CTYPE"} == {"PATH", "HOME", "LANG", "TMPDIR", "NAMED"}


def test_temporary_files_go_where_the_caller_says(tmp_path: Path) -> None:
    """A folder that is removed at the end, whatever a program leaves in it."""
    token = SCRATCH.set(tmp_path)
    try:
        answer = run(_python("import tempfile; print(tempfile.gettempdir())"))
    finally:
        SCRATCH.reset(token)
    assert answer.stdout == f"{tmp_path}\n"


def test_stdin_is_empty_unless_given() -> None:
    """A tool that asks gets an end of file, not our terminal."""
    code = "import sys; print(repr(sys.stdin.buffer.read()))"
    assert run(_python(code)).stdout == "b''\n"
    assert run(_python(code, stdin=b"fed")).stdout == "b'fed'\n"


def test_no_terminal_to_ask() -> None:
    """A session of its own has no controlling terminal."""
    answer = run(_python("import os; os.open('/dev/tty', os.O_RDWR)", accepted=None))
    assert answer.exit_code == 1


@pytest.mark.external
def test_missing_program_is_named_with_the_hint() -> None:
    """Exit code 3 and where to get it."""
    with pytest.raises(
        ToolMissing, match=r"could not try it: the program /no/such/tool is missing"
    ) as caught:
        run(Command(["/no/such/tool"], "try it", hint="install it"))
    assert caught.value.hint == "install it"
    assert caught.value.exit_code == 3


def test_missing_folder_is_not_a_missing_program(tmp_path: Path) -> None:
    """Both are ENOENT; the message must not send people after a package."""
    with pytest.raises(ToolFailed, match=r"the folder .* does not exist"):
        run(_python("pass", cwd=tmp_path / "none"))


@pytest.mark.external
def test_program_that_cannot_start_is_a_failure(tmp_path: Path) -> None:
    """There, but not executable."""
    with pytest.raises(ToolFailed, match="cannot be started: Permission denied"):
        run(Command([tmp_path], "start a folder"))


def test_failure_tells_attempt_command_code_and_last_lines() -> None:
    """All that a bug report needs, and no more than twenty lines."""
    code = "import sys\nfor n in range(30): print('line', n)\nsys.exit(7)"
    with pytest.raises(ToolFailed) as caught:
        run(_python(code, hint="look there"))
    message = caught.value.message
    assert message.startswith(f"could not try it: {sys.executable} ended with exit code 7\n  command: ")
    assert "line 29" in message
    assert "line 10" in message
    assert "  line 9\n" not in message
    assert "(10 earlier lines left out)" in message
    assert caught.value.hint == "look there"


def test_signal_is_named_and_never_accepted() -> None:
    """A crash is no verdict, whatever codes are accepted."""
    with pytest.raises(ToolFailed, match="ended with signal SIGKILL"):
        run(_python("import os; os.kill(os.getpid(), 9)", accepted=None))
    assert describe_exit(-15) == "signal SIGTERM"
    assert describe_exit(-99) == "signal 99"
    assert describe_exit(0) == "exit code 0"


def test_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    """Also children, and those that ignore SIGTERM."""
    mark = tmp_path / "child"
    with pytest.raises(ToolFailed, match=r"gave no answer within 5 s"):
        run(_python(STUBBORN, str(mark), timeout_s=5))
    assert _has_died(_wait_for_child(mark))


def test_interrupt_ends_the_whole_group(tmp_path: Path) -> None:
    """Ctrl-C reaches us; the tool has a session of its own."""
    mark = tmp_path / "child"

    def interrupt() -> None:
        _wait_for_child(mark)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(_python(STUBBORN, str(mark)))
    thread.join()
    assert _has_died(int(mark.read_text()))


def test_cancellation_ends_a_call_from_a_thread(tmp_path: Path) -> None:
    """Threads get no Ctrl-C: the event stands in for it."""
    mark = tmp_path / "child"
    event = threading.Event()
    failures: list[ToolFailed] = []

    def call() -> None:
        CANCELLATION.set(event)
        with pytest.raises(ToolFailed, match="was interrupted") as caught:
            run(_python(STUBBORN, str(mark)))
        failures.append(caught.value)

    thread = threading.Thread(target=copy_context().run, args=(call,))
    thread.start()
    child = _wait_for_child(mark)
    event.set()
    thread.join(timeout=20)
    assert len(failures) == 1
    assert _has_died(child)


def test_secrets_are_replaced_everywhere() -> None:
    """In answers, commands, failures and their causes."""
    secret = "-".join(["hunter2"] * 2)
    code = "import sys; print(sys.argv[1]); print(sys.argv[1], file=sys.stderr); sys.exit(int(sys.argv[2]))"
    answer = run(_python(code, secret, "0", secrets=(secret,)))
    assert secret not in answer.stdout + answer.stderr + answer.command
    assert "[redacted]" in answer.stdout
    with pytest.raises(ToolFailed) as caught:
        run(_python(code, secret, "1", secrets=(secret,)))
    assert secret not in caught.value.message
    assert secret not in str(caught.value.__cause__)


def test_longer_secret_is_replaced_before_its_part() -> None:
    """Otherwise the rest of the longer one would stay."""
    assert redact("abcdefgh abcd", ["abcd", "abcdefgh"]) == "[redacted] [redacted]"
    # Very short values would redact half of every message.
    assert redact("a b c", ["b"]) == "a b c"


def test_last_lines_of_short_output_are_all() -> None:
    """Nothing is left out where nothing need be."""
    assert last_lines("a\nb") == "  a\n  b"
