"""Start outside programs; the only module of the first-boot program that does.

In: an argument list.  Out: exit code and output as text, or bytes.  Standard input
is always empty, so that no program can ask a question; the language is C, so that
messages can be read.  Arguments never hold a secret: they show in process lists.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import Callable, NamedTuple, Sequence

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHOWN_LINES = 5
# A program that was ended is gone within moments, unless the kernel holds it.
END_SECONDS = 2.0


class Completed(NamedTuple):
    """What a program did."""

    argv: Sequence[str]
    code: int
    output: str
    errors: str

    @property
    def is_fine(self) -> bool:
        """Whether it returned 0."""
        return self.code == 0

    def describe(self) -> str:
        """Return one line that names the command, its exit code and its last words."""
        words = [line.strip() for line in (self.errors or self.output).splitlines() if line.strip()]
        said = "; ".join(words[-SHOWN_LINES:]) or "no message"
        return f"`{' '.join(self.argv)}` returned {self.code}: {said}"


class CommandFailed(Exception):
    """A program is missing, failed, or did not end in time; the message says which."""


def _no_log(_line: str) -> None:
    """Drop the line."""


class Commands:
    """Starts programs found on PATH.

    `log` gets one line per command before it starts.
    """

    def __init__(self, log: Callable[[str], None] = _no_log, path: str | None = None) -> None:
        self._log = log
        self._path = path or os.environ.get("PATH") or SYSTEM_PATH

    def find(self, program: str) -> str | None:
        """Return the full path of a program, or None."""
        return shutil.which(program, path=self._path)

    def ask(self, *argv: str, timeout: float = 60, text: str = "") -> Completed:
        """Run a command, with `text` as its input, and return what it did, whatever its exit code.

        Raises:
            CommandFailed: it is missing or did not end within `timeout` seconds.
        """
        code, output, errors = self._execute(argv, timeout, text)
        return Completed(argv, code, output.decode(errors="replace"), errors.decode(errors="replace"))

    def run(self, *argv: str, timeout: float = 60) -> str:
        """Run a command that must succeed and return its output.

        Raises:
            CommandFailed: it is missing, failed, or did not end in time.
        """
        done = self.ask(*argv, timeout=timeout)
        if not done.is_fine:
            raise CommandFailed(done.describe())
        return done.output

    def read(self, *argv: str, timeout: float = 60) -> bytes:
        """Run a command that must succeed and return the bytes of its output.

        Raises:
            CommandFailed: it is missing, failed, or did not end in time.
        """
        code, output, errors = self._execute(argv, timeout)
        if code != 0:
            raise CommandFailed(Completed(argv, code, "", errors.decode(errors="replace")).describe())
        return output

    def _execute(self, argv: Sequence[str], timeout: float, text: str = "") -> tuple[int, bytes, bytes]:
        self._log(" ".join(argv))
        environment = {
            **os.environ,
            "PATH": self._path,
            "LC_ALL": "C",
            "LVM_SUPPRESS_FD_WARNINGS": "1",
            # Our units have no script in /etc/init.d, and looking after those costs seconds.
            "SYSTEMCTL_SKIP_SYSV": "1",
        }
        try:
            process = subprocess.Popen(  # noqa: S603 - this module exists to start programs; argv is never a shell line
                argv,
                stdin=subprocess.PIPE if text else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
            )
        except FileNotFoundError:
            raise CommandFailed(f"the program `{argv[0]}` is missing") from None
        except OSError as error:
            raise CommandFailed(f"`{argv[0]}` cannot be started: {error.strerror}") from None
        try:
            output, errors = process.communicate(text.encode() if text else None, timeout=timeout)
        except subprocess.TimeoutExpired:
            _abandon(process)
            raise CommandFailed(f"`{' '.join(argv)}` did not end within {timeout:.0f} seconds") from None
        except BaseException:
            process.kill()
            raise
        return process.returncode, output, errors


def _abandon(process: subprocess.Popen[bytes]) -> None:
    """End a program; one that the kernel holds, since a dying disk does not answer, is left behind."""
    process.kill()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
