"""The network of test machines, and the commands that make it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def sh(*argv: str | Path, check: bool = True) -> str:
    """Run a command of the test itself and return its output."""
    done = subprocess.run([str(word) for word in argv], check=False, capture_output=True, text=True)
    if check and done.returncode != 0:
        message = f"{' '.join(map(str, argv))}: {done.stderr.strip()}"
        raise RuntimeError(message)
    return done.stdout.strip()


class Switch:
    """A bridge in a network namespace of its own: nothing of the host's network is touched."""

    def __init__(self, name: str) -> None:
        self.name = name
        sh("ip", "netns", "add", name)
        sh("ip", "-n", name, "link", "add", "br0", "type", "bridge")
        sh("ip", "-n", name, "link", "set", "br0", "up")

    def plug(self, machine: str, number: int, address: str) -> None:
        """Connect a machine's namespace; its interface is eth0."""
        sh(
            "ip",
            "-n",
            self.name,
            "link",
            "add",
            f"p{number}",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            machine,
        )
        sh("ip", "-n", self.name, "link", "set", f"p{number}", "master", "br0", "up")
        for command in (
            ("addr", "add", address, "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            sh("ip", "-n", machine, *command)

    def remove(self) -> None:
        """Remove the bridge and all cables."""
        sh("ip", "netns", "del", self.name, check=False)
