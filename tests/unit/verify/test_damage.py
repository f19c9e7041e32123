"""A damaged output: verify says so, whatever the damage, and always comes to its end."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from generator.errors import HolsterError, OutputRejected
from generator.tools.toolbox import ToolBox
from generator.verify.runner import verify_output
from tests.fakes.damage import damage_bytes, damage_data, make_draw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS = 12
NODE_JSON = "payload/etc/holster/node.json"


class Silent:
    """Hears what verify does."""

    def step(self, text: str) -> None:
        """Hear a step."""

    def warn(self, text: str) -> None:
        """Hear a warning."""


@pytest.fixture
def output(rendered_example: Callable[..., Path], tmp_path: Path) -> Path:
    """Return an output that may be damaged."""
    copied: Path = shutil.copytree(rendered_example("single"), tmp_path / "single")
    return copied


def verify(output: Path) -> None:
    """Verify without any outside tool."""
    verify_output(output, tools=ToolBox(()), require_tools=False, reporter=Silent(), jobs=1)


@pytest.mark.parametrize("kind", ["bytes", "data"])
def test_damage_never_ends_in_a_traceback(output: Path, kind: str) -> None:
    """Any file may be damaged; manifest and node.json are, most of the time."""
    draw = make_draw(f"output, {kind}")
    texts = sorted(
        path for path in output.rglob("*") if path.is_file() and path.suffix not in {".iso", ".tar"}
    )
    described = [path for path in texts if path.suffix == ".json"]
    for _ in range(ROUNDS):
        path = draw.choice(described if kind == "data" or draw.random() < 0.6 else texts)
        whole = path.read_bytes()
        if kind == "data":
            data = json.loads(whole)
            damage_data(draw, data)
            path.write_bytes(json.dumps(data).encode())
        else:
            path.write_bytes(damage_bytes(draw, whole))
        with suppress(HolsterError):
            verify(output)
        path.write_bytes(whole)
    verify(output)


@pytest.mark.parametrize("kind", ["pipe", "device", "sparse", "manifest pipe"])
def test_what_has_no_end_is_not_read(output: Path, kind: str) -> None:
    """A check would wait, or fill the memory."""
    name = "manifest.json" if kind == "manifest pipe" else "packer/note"
    path = output / name
    path.unlink(missing_ok=True)
    match kind:
        case "device":
            path.symlink_to("/dev/zero")
        case "sparse":
            path.touch()
            os.truncate(path, 1 << 40)
        case _:
            os.mkfifo(path)
    with pytest.raises(OutputRejected, match=name):
        verify(output)
