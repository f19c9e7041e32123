"""A client outside the cluster, in a network namespace of its own; it writes until its input ends.

Reads one line of JSON (`host`, `user`, `password`, `run`, `path`), then writes rows as the client of
the lab does; at the end it prints how many it sent and what went wrong.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.lab.writer import Target, Writer


def main() -> None:
    """Write rows until the input ends."""
    order = json.loads(sys.stdin.readline())
    target = Target(order["host"], 5432, order["user"], order["password"])
    with Writer(target, Path(order["path"]), order["run"]) as writer:
        sys.stdin.read()
    json.dump({"attempted": writer.attempted, "errors": writer.errors}, sys.stdout)


if __name__ == "__main__":
    main()
