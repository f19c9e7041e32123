"""`sshd -t`: does the server start with this configuration?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from generator.errors import ToolMissing
from generator.tools.process import Command, run

if TYPE_CHECKING:
    from pathlib import Path

    from generator.tools.toolbox import Tool

_UNUSABLE: Final = ("Missing privilege separation directory", "Privilege separation user")


def check_sshd_config(tool: Tool, config: Path, scratch: Path, *, host_key: bytes) -> tuple[str, ...]:
    """Return what sshd says against the file.

    Args:
        tool: sshd.
        config: a drop-in; a minimal main file includes it, as on the machine.
        scratch: a private folder for the host key.
        host_key: a throw-away private key in OpenSSH's format: sshd starts with none but its own.

    Raises:
        ToolMissing: sshd does not run on this machine at all.
    """
    key = scratch / f"{config.name}.host_key"
    key.write_bytes(host_key)
    # sshd refuses a key that others can read.
    key.chmod(0o600)
    main = scratch / f"{config.name}.main"
    # In quotes: sshd takes a path with a space, and every glob character, as more than one file.
    main.write_text(f'Include "{config}"\n')
    answer = run(
        Command(
            # A host key on the command line: the machine makes its own on the first boot.
            argv=[tool.path, "-t", "-f", main, "-h", key],
            purpose=f"check {config.name} with {tool.label}",
            accepted=(0, 1, 255),
        )
    )
    for reason in _UNUSABLE:
        if reason in answer.output:
            raise ToolMissing(f"{tool.label} does not run here: {answer.output}", hint=tool.program.hint)
    # A deprecated option is a warning with exit code 0; the next release drops it.
    return (answer.output,) if answer.output else ()
