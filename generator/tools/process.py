"""Start outside programs: the only module that may import subprocess.

In: a Command.  Out: a Completed, or a ToolMissing/ToolFailed that says what was
attempted.  The program sees a minimal environment, no terminal and no stdin of
ours; when time is up or the user interrupts, its whole process group ends.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed, ToolMissing

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NO_HOME: Final = "/nonexistent"
REDACTED: Final = "[redacted]"
SHOWN_LINES: Final = 20
GRACE_S: Final = 3.0
"""How long a process group may clean up after SIGTERM before SIGKILL."""
POLL_S: Final = 0.1
SHORTEST_SECRET: Final = 4
"""Shorter values would redact half of every message."""

CANCELLATION: Final[ContextVar[threading.Event | None]] = ContextVar("cancellation", default=None)
"""Once the event is set, `run` ends its process group as on Ctrl-C, which only the main thread gets."""
SCRATCH: Final[ContextVar[Path | None]] = ContextVar("scratch", default=None)
"""Where programs keep temporary files: some, such as ksvalidator, leave copies of what they read behind."""


@dataclass(frozen=True, slots=True)
class Command:
    """One call of an outside program.

    Attributes:
        argv: program and arguments; no shell is involved. Never holds a secret:
            process lists are public.
        purpose: what is attempted, as it reads after "could not": "validate consul.hcl".
        cwd: working directory; None keeps ours.
        environment: variables on top of PATH, HOME, LANG and TMPDIR (and over them).
        stdin: bytes to feed; None connects /dev/null.
        timeout_s: after this many seconds the process group is ended.
        accepted: exit codes that are an answer and not a failure; None accepts every one.
        secrets: values replaced in everything that this module reports.
        hint: how to mend a failure or where to get a missing program.
    """

    argv: Sequence[str | Path]
    purpose: str
    cwd: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes | None = None
    timeout_s: float = 60.0
    accepted: tuple[int, ...] | None = (0,)
    secrets: tuple[str, ...] = ()
    hint: str | None = None

    @property
    def text(self) -> str:
        """The command as a person would type it, secrets replaced."""
        return redact(shlex.join(str(word) for word in self.argv), self.secrets)


@dataclass(frozen=True, slots=True)
class Completed:
    """What a program answered; secrets are already replaced.

    `exit_code` is the negated signal number where a signal ended the program.
    """

    command: str
    exit_code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def ended_by(self) -> str:
        """The exit code or the signal, in words."""
        return describe_exit(self.exit_code)

    @property
    def output(self) -> str:
        """Both streams, without surrounding white space; errors first."""
        return "\n".join(part.strip() for part in (self.stderr, self.stdout) if part.strip())


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every secret value replaced, the longest first."""
    for secret in sorted(
        {value for value in secrets if len(value) >= SHORTEST_SECRET}, key=len, reverse=True
    ):
        text = text.replace(secret, REDACTED)
    return text


def describe_exit(exit_code: int) -> str:
    """Return "exit code 1" or "signal SIGKILL"."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"signal {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"signal {-exit_code}"


def last_lines(text: str, count: int = SHOWN_LINES) -> str:
    """Return the last `count` lines of a program's output, indented."""
    lines = text.splitlines()
    shown = lines[-count:]
    if len(lines) > count:
        shown.insert(0, f"({len(lines) - count} earlier lines left out)")
    return "\n".join(f"  {line}" for line in shown)


def _environment(command: Command) -> dict[str, str]:
    return {
        "PATH": DEFAULT_PATH,
        "HOME": NO_HOME,
        "LANG": "C.UTF-8",
        "TMPDIR": str(SCRATCH.get() or tempfile.gettempdir()),
        **command.environment,
    }


def _explain_start(command: Command, error: OSError) -> ToolMissing | ToolFailed:
    attempt = f"could not {command.purpose}"
    program = str(command.argv[0])
    if isinstance(error, FileNotFoundError):
        if command.cwd is not None and not command.cwd.is_dir():
            return ToolFailed(f"{attempt}: the folder {command.cwd} does not exist")
        return ToolMissing(f"{attempt}: the program {program} is missing", hint=command.hint)
    message = f"{attempt}: {program} cannot be started: {error.strerror}\n  command: {command.text}"
    return ToolFailed(message, hint=command.hint)


def _start(command: Command, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    argv = [str(word) for word in command.argv]
    try:
        return subprocess.Popen(  # noqa: S603 - no shell; argv comes from our wrappers
            argv,
            cwd=command.cwd,
            env=_environment(command),
            stdin=subprocess.DEVNULL if command.stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            # A session of its own: Ctrl-C reaches us first, and no tool can ask the terminal.
            start_new_session=True,
        )
    except OSError as error:
        raise _explain_start(command, error) from error


def spawn(command: Command, output: Path) -> subprocess.Popen[bytes]:
    """Start a program that runs beside us, both streams appended to `output`; `background` wraps it.

    `stdin` and `timeout_s` of the command do not count here.

    Raises:
        ToolMissing, ToolFailed: it cannot be started.
    """
    argv = [str(word) for word in command.argv]
    with output.open("ab") as stream:
        try:
            return subprocess.Popen(  # noqa: S603 - no shell; argv comes from our wrappers
                argv,
                cwd=command.cwd,
                env=_environment(command),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        except OSError as error:
            raise _explain_start(command, error) from error


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the program and everything that it started and that stayed with it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Say whether the program ended, without reaping it: its group id stays ours."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:
        return True


def _end_group(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """End the program and everything it started; return what it had said."""
    if process.returncode is None:
        signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline and not _has_ended(process):
            time.sleep(0.02)
        signal_group(process, signal.SIGKILL)
    try:
        return process.communicate(timeout=GRACE_S)
    except subprocess.TimeoutExpired as error:
        # Only something that left the group can still hold the pipes; it is not ours to wait for.
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        return error.output or b"", error.stderr or b""


def _is_cancelled() -> bool:
    event = CANCELLATION.get()
    return event is not None and event.is_set()


def _converse(command: Command, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes, str | None]:
    """Feed and read the program; return its output and why it was ended early, if it was."""
    deadline = time.monotonic() + command.timeout_s
    data = command.stdin
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return *_end_group(process), f"gave no answer within {command.timeout_s:g} s"
        if _is_cancelled():
            return *_end_group(process), "was interrupted"
        try:
            return *process.communicate(data, timeout=min(POLL_S, remaining)), None
        except subprocess.TimeoutExpired:
            data = None  # communicate() remembers it


def describe_failure(command: Command, reason: str, output: str) -> str:
    """Return the message of a failed call: what, why, the command, the last lines."""
    message = f"could not {command.purpose}: {command.argv[0]} {reason}\n  command: {command.text}"
    if output.strip():
        message += f"\n  last lines of its output:\n{last_lines(redact(output, command.secrets))}"
    return redact(message, command.secrets)


def _judge_time(command: Command, deadline: float) -> str | None:
    """Return why the program must end now, if it must."""
    if _is_cancelled():
        return "was interrupted"
    return f"gave no answer within {command.timeout_s:g} s" if time.monotonic() >= deadline else None


def _listen(
    command: Command, process: subprocess.Popen[bytes], on_line: Callable[[str], None]
) -> tuple[bytes, str | None]:
    """Hand on each line as it comes; return all of them and why the program was ended early, if it was."""
    deadline = time.monotonic() + command.timeout_s
    heard, rest = bytearray(), b""
    pipe = process.stdout.fileno() if process.stdout else -1
    is_open = True
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while (early := _judge_time(command, deadline)) is None:
            if is_open and selector.select(POLL_S):
                chunk = os.read(pipe, 65536)
                is_open = bool(chunk)
                heard += chunk
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    on_line(redact(line.decode("utf-8", "replace"), command.secrets))
            elif _has_ended(process):
                break
            elif not is_open:
                time.sleep(POLL_S)
    if rest:
        on_line(redact(rest.decode("utf-8", "replace"), command.secrets))
    # Also after a quiet end: what the program started and left behind must not stay.
    _end_group(process)
    return bytes(heard), early


def run(command: Command, on_line: Callable[[str], None] | None = None) -> Completed:
    """Run a program to its end and return what it answered.

    With `on_line` both streams come as one, line by line while the program runs, and
    `stdin` is not fed; the answer holds them as `stdout`.

    Raises:
        ToolMissing: the program is not there.
        ToolFailed: it could not start, was not done in time, was interrupted
            through CANCELLATION, was ended by a signal, or ended with an exit code
            that is not `accepted`.
        KeyboardInterrupt: after the process group has ended.
    """
    began = time.monotonic()
    process = _start(command, subprocess.PIPE if on_line is None else subprocess.STDOUT)
    try:
        if on_line is None:
            out, err, early = _converse(command, process)
        else:
            (out, early), err = _listen(command, process, on_line), b""
    except BaseException:
        _end_group(process)
        raise
    stdout, stderr = (redact(data.decode("utf-8", "replace"), command.secrets) for data in (out, err))
    completed = Completed(command.text, process.returncode or 0, stdout, stderr, time.monotonic() - began)
    if early is not None:
        raise ToolFailed(describe_failure(command, early, completed.output), hint=command.hint)
    is_accepted = command.accepted is None or completed.exit_code in command.accepted
    if completed.exit_code < 0 or not is_accepted:
        raise ToolFailed(
            describe_failure(command, f"ended with {completed.ended_by}", completed.output), hint=command.hint
        )
    return completed
