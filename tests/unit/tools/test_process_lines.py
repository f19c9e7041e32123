"""Programs that run for long: their lines come while they run, and nothing of them stays."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextvars import copy_context
from pathlib import Path

import pytest

from generator.errors import ToolFailed
from generator.tools.process import CANCELLATION, Command, run

pytestmark = pytest.mark.starts_python


def _python(code: str, *arguments: str, **options: object) -> Command:
    return Command([sys.executable, "-c", code, *arguments], "try it", **options)  # type: ignore[arg-type]


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_lines_come_while_the_program_runs() -> None:
    """Both streams as one; the last line needs no line break."""
    heard: list[tuple[str, float]] = []
    code = (
        "import sys, time; print('one', flush=True); time.sleep(1); print('two', file=sys.stderr, end=''); "
        "sys.exit(3)"
    )
    answer = run(_python(code, accepted=(3,)), on_line=lambda line: heard.append((line, time.monotonic())))
    assert [line for line, _ in heard] == ["one", "two"]
    assert heard[1][1] - heard[0][1] > 0.5
    assert (answer.exit_code, answer.stdout) == (3, "one\ntwo")


def test_secrets_are_replaced_in_lines() -> None:
    """Before anybody hears them."""
    heard: list[str] = []
    run(_python("print('key hunter2hunter2')", secrets=("hunter2hunter2",)), on_line=heard.append)
    assert heard == ["key [redacted]"]


def test_a_program_that_closes_its_output_may_still_work() -> None:
    """It ends when it ends, with its own exit code."""
    code = "import os, sys, time; os.close(1); os.close(2); time.sleep(0.5); os._exit(5)"
    assert run(_python(code, accepted=(5,)), on_line=lambda _line: None).exit_code == 5


ORPHAN = """
import os, sys, time
if os.fork() == 0:
    time.sleep(60)
    os._exit(0)
print('started', flush=True)
time.sleep(float(sys.argv[1]))
"""


def _children() -> set[int]:
    """Return the processes that run the code above."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"# {os.getpid()}".encode() in path.read_bytes() and _is_alive(int(path.parent.name)):
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def test_what_a_program_leaves_behind_ends_with_it() -> None:
    """QEMU must not outlive Packer, also where Packer itself ends well."""
    run(_python(f"{ORPHAN}# {os.getpid()}", "0"), on_line=lambda _line: None)
    assert _children() == set()


def test_interruption_leaves_no_orphan() -> None:
    """The whole process group ends, as on Ctrl-C."""
    event, started = threading.Event(), threading.Event()
    failures: list[ToolFailed] = []

    def work() -> None:
        CANCELLATION.set(event)
        try:
            run(_python(f"{ORPHAN}# {os.getpid()}", "60"), on_line=lambda _line: started.set())
        except ToolFailed as error:
            failures.append(error)

    thread = threading.Thread(target=copy_context().run, args=(work,))
    thread.start()
    assert started.wait(20)
    assert len(_children()) == 2
    event.set()
    thread.join(timeout=20)
    assert "was interrupted" in failures[0].message
    assert _children() == set()
