"""xorriso or genisoimage: pack folders as an ISO image that Linux mounts with its long names.

Packer needs one of the two anyway, for the disc with the build's key.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from generator.errors import ToolMissing
from generator.tools.process import Command, run
from generator.tools.programs import GENISOIMAGE, XORRISO

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from generator.tools.toolbox import Tool, ToolBox


def find_disc_maker(tools: ToolBox) -> Tool:
    """Return the program that packs discs.

    Raises:
        ToolMissing: neither is there.
    """
    try:
        return tools.find(XORRISO)
    except ToolMissing:
        with suppress(ToolMissing):
            return tools.find(GENISOIMAGE)
        raise


def pack_disc(tools: ToolBox, target: Path, label: str, folders: Mapping[str, Path]) -> None:
    """Write an ISO image with these folders at its root.

    Raises:
        ToolMissing: neither program is there.
        ToolFailed: it did not work out.
    """
    tool = find_disc_maker(tools)
    mode = ["-as", "mkisofs"] if tool.program is XORRISO else []
    grafts = [f"{name}={folder}" for name, folder in folders.items()]
    run(
        Command(
            [tool.path, *mode, "-quiet", "-R", "-V", label, "-o", target, "-graft-points", *grafts],
            purpose=f"pack {target.name} with {tool.label}",
            timeout_s=900,
        )
    )
