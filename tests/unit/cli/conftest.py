"""Call the command line in this process, in an empty folder."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from generator.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@dataclass(frozen=True, slots=True)
class Called:
    """What a call gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def holster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Called]:
    """Return a function that calls `holster ARGUMENT…` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Called:
        monkeypatch.setattr(sys, "argv", ["holster", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Called(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call


@pytest.fixture
def sirius(tmp_path: Path) -> Path:
    """Return a copy of the example spec."""
    spec = tmp_path / "sirius.yaml"
    spec.write_bytes((EXAMPLES / "sirius.yaml").read_bytes())
    return spec
