"""Tell a person: a line on the console, the text above the login prompt, the journal.

Standard output goes to the journal under systemd.  Never gets a secret.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from generator.node.machine.rootfs import RootFs

ISSUE = "/etc/issue.d/holster.issue"
CONSOLE = "/dev/console"


class Console:
    """Where lines for people go."""

    def __init__(self, fs: RootFs, stream: TextIO | None = None) -> None:
        self._fs = fs
        self._stream = stream or sys.stdout

    def log(self, line: str) -> None:
        """Write a line to standard output only."""
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def say(self, line: str) -> None:
        """Write a line to standard output and to the machine's console."""
        self.log(line)
        # A machine without a console, or a console that nobody reads, must not stop the boot.
        with contextlib.suppress(OSError):
            descriptor = os.open(str(self._fs.at(CONSOLE)), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                os.write(descriptor, f"holster: {line}\r\n".encode())
            finally:
                os.close(descriptor)

    def show(self, text: str) -> None:
        """Replace the text above the login prompt."""
        # A full or read-only disk is told on the console, and must not be the reason for another stop.
        with contextlib.suppress(OSError):
            # A backslash starts a code of agetty.
            self._fs.write(ISSUE, text.replace("\\", "/") + "\n")
