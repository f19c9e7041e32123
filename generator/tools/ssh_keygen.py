"""ssh-keygen: a key pair for one build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool


def make_key_pair(tool: Tool, private: Path) -> Path:
    """Write an Ed25519 key without passphrase to `private` (0600); return the public half's path."""
    run(
        Command(
            [tool.path, "-q", "-t", "ed25519", "-N", "", "-C", "holster-build", "-f", private],
            purpose="make the key of the build",
        )
    )
    return private.with_name(f"{private.name}.pub")
