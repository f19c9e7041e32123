"""Pack the program of the machines as one zipapp, with the same bytes every time.

In: the package `generator/node` as it is installed.  Out: the bytes of an
executable archive for `/usr/bin/python3` on the node.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

SHEBANG = b"#!/usr/bin/python3\n"
# The oldest date that a zip archive can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644 << 16
MAIN = """\"\"\"Start the program of this machine.\"\"\"

import sys

from generator.node.cli import main

sys.exit(main(sys.argv[1:]))
"""


def build_node_program() -> bytes:
    """Return the zipapp; equal sources give equal bytes."""
    package = Path(__file__).resolve().parents[1] / "node"
    files = {
        "__main__.py": MAIN.encode(),
        # The program's parent package is empty on the node: nothing else of the project is there.
        "generator/__init__.py": b"",
    }
    for path in package.rglob("*.py"):
        files[f"generator/node/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    stream = io.BytesIO()
    stream.write(SHEBANG)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, whatever machine packs it
            entry.external_attr = MODE
            archive.writestr(entry, files[name])
    return stream.getvalue()
