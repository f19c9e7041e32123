"""Programs that do not end: the first boot goes on without them."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from generator.node.machine.command import CommandFailed, Commands
from tests.fakes.network import sh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.external


def test_output_is_bytes_or_text() -> None:
    """What a disk holds is no text."""
    octets = ("printf", "\\377\\0a")
    assert Commands().read(*octets) == b"\xff\0a"
    assert Commands().run(*octets) == "\ufffd\0a"
    with pytest.raises(CommandFailed, match="returned 3: broken"):
        Commands().read("sh", "-c", "echo broken >&2; exit 3")


def test_a_program_that_takes_too_long_is_ended() -> None:
    """Also one whose child keeps its output open."""
    begin = time.monotonic()
    with pytest.raises(CommandFailed, match="did not end within 1 seconds"):
        Commands().ask("sh", "-c", "sleep 30 & sleep 30", timeout=1)
    assert time.monotonic() - begin < 10


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Path]:
    """Return a file whose writer sleeps in the kernel, as a reader of a dying disk does."""
    if os.geteuid() != 0:
        pytest.skip("outside tool absent: root, for a file system that can be frozen")
    image, folder = tmp_path / "image", tmp_path / "mounted"
    folder.mkdir()
    with image.open("wb") as stream:
        stream.truncate(32 << 20)
    sh("mkfs.ext4", "-q", image)
    sh("mount", "-o", "loop", image, folder)
    try:
        sh("fsfreeze", "--freeze", folder)
        yield folder / "file"
        sh("fsfreeze", "--unfreeze", folder)
    finally:
        deadline = time.monotonic() + 10
        while subprocess.run(["umount", folder], check=False, capture_output=True).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_program_that_cannot_be_ended_is_left_behind(frozen: Path) -> None:
    """SIGKILL does not reach it before the kernel lets it go; a boot must not wait for that."""
    begin = time.monotonic()
    with pytest.raises(CommandFailed, match="did not end within 1 seconds"):
        Commands().ask("touch", str(frozen), timeout=1)
    assert time.monotonic() - begin < 10
    assert not frozen.exists()
