"""QMP: commands to a running QEMU over its socket."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any, Final

from generator.lab.failure import LabFailed

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S: Final = 20.0


def execute(monitor: Path, command: str, **arguments: Any) -> Any:
    """Send one command and return its answer.

    Raises:
        LabFailed: QEMU does not answer, or refuses.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(str(monitor))
            with connection.makefile("rw", encoding="utf-8") as stream:
                stream.readline()
                for name, values in (("qmp_capabilities", {}), (command, arguments)):
                    stream.write(json.dumps({"execute": name, "arguments": values}) + "\n")
                    stream.flush()
                    answer = _read_answer(stream)
    except (OSError, ValueError) as error:
        raise LabFailed(f"QEMU does not answer to {command}: {error}") from None
    if "error" in answer:
        raise LabFailed(f"QEMU refuses {command}: {answer['error'].get('desc')}")
    return answer.get("return")


def _read_answer(stream: Any) -> dict[str, Any]:
    """Return the next answer; events come in between."""
    while True:
        line = stream.readline()
        if not line:
            raise ValueError("the connection was closed")
        answer: dict[str, Any] = json.loads(line)
        if "event" not in answer:
            return answer
