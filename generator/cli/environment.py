"""What the environment says of the outside programs; only the command line reads it."""

from __future__ import annotations

import os
from pathlib import Path

from generator.tools.toolbox import ToolBox, create_toolbox


def open_toolbox() -> ToolBox:
    """Return the programs of HOLSTER_TOOLS, if it is set, and of PATH."""
    folder = os.environ.get("HOLSTER_TOOLS")
    return create_toolbox(Path(folder) if folder else None, os.environ.get("PATH", ""))
