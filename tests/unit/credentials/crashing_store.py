"""Started by test_store.py: make and extend a bundle, and die at every effect on the disk.

Argument: FOLDER.  Prints how many moments were tried; ends with a message where a
bundle is not whole after a death, or where a copy of it stays.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from generator.credentials.bundle import NodeIdentity, create_bundle, extend_bundle
from generator.credentials.store import load_bundle, remove_strays, update_bundle
from tests.unit.write.crashing_writer import die_at

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def grow(path: Path, count: int) -> None:
    """Make the bundle hold so many machines."""
    nodes = [
        NodeIdentity(f"n{number}", "10.0.0.1", is_server=False, datacenter="dc", domain="consul")
        for number in range(count)
    ]
    update_bundle(
        path,
        lambda old: (
            create_bundle("c", nodes, years=2, now=NOW, entropy=os.urandom)
            if old is None
            else extend_bundle(old, nodes, years=2, now=NOW, entropy=os.urandom)
        ),
    )


def let_die(path: Path, effect: int, count: int) -> bool:
    """Let a child grow the bundle and die on the way; say whether it came to its end."""
    child = os.fork()
    if child == 0:
        die_at(effect)
        grow(path, count)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def run_steps(path: Path, count: int) -> int:
    """Let children die at every effect of one growth; return how many there are."""
    effect, is_done, before = 0, False, path.read_bytes() if path.exists() else None
    while not is_done:
        effect += 1
        is_done = let_die(path, effect, count)
        if path.exists():
            held = len(load_bundle(path).nodes)
            if held != count and path.read_bytes() != before:
                sys.exit(f"death at effect {effect} changed the bundle")
        elif before is not None:
            sys.exit(f"death at effect {effect} lost the bundle")
        remove_strays(path)
        beside = sorted(each.name for each in path.parent.iterdir()) if path.parent.exists() else []
        if not {*beside} <= {".gitignore", path.name}:
            sys.exit(f"death at effect {effect} left behind: {beside}")
        if not is_done and path.exists() and path.read_bytes() != before:
            # It died after its work was done: the next moment needs the same start.
            path.unlink()
            if before is not None:
                path.touch(0o600)
                path.write_bytes(before)
    return effect


if __name__ == "__main__":
    bundle = Path(sys.argv[1]) / "secrets" / "c.yaml"
    sys.stdout.write(f"{run_steps(bundle, 1) + run_steps(bundle, 2)}\n")
