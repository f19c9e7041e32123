"""`systemctl` and `journalctl` of a test machine: ask its process 1."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

SOCKET = "/run/init-stand-in.sock"


def main() -> int:
    """Answer as the program by whose name this was started."""
    arguments = sys.argv[1:]
    if Path(sys.argv[0]).name == "journalctl":
        if arguments == ["--flush"]:
            return 0
        log = Path("/var/log/units") / f"{arguments[arguments.index('-u') + 1]}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        sys.stdout.write("\n".join(lines[-int(arguments[arguments.index("-n") + 1]) :]) + "\n")
        return 0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(SOCKET)
        connection.sendall(json.dumps(arguments).encode() + b"\n")
        code, text = json.loads(connection.makefile().read())
    if text:
        (sys.stderr if code else sys.stdout).write(f"{text}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
