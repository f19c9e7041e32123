"""What users see when something goes wrong outside the spec: words, one exit code, no traceback."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

import pytest

from generator.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Called

    Holster = Callable[..., Called]

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(("no_color", "is_colored"), [("", True), ("1", False)])
def test_no_color_holds_for_every_message(
    holster: Holster, monkeypatch: pytest.MonkeyPatch, no_color: str, *, is_colored: bool
) -> None:
    """Also for those that are not about the spec."""
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    called = holster("check", "absent.yaml")
    assert ("\x1b[" in called.err) is is_colored


def test_file_name_cannot_talk_to_the_terminal(holster: Holster) -> None:
    """A name from somewhere else may hold control sequences."""
    called = holster("check", "a\x1b]0;owned\x07.yaml")
    assert called.code == 2
    assert "\x1b" not in called.err
    assert r"\x1b]0;owned\x07.yaml" in called.err


def test_misspelled_command_is_recognised(holster: Holster) -> None:
    """The commands are not imported, and compared all the same."""
    called = holster("rendr", "my.yaml")
    assert called.code == 2
    assert "'render'" in called.err


@pytest.mark.parametrize("arguments", [("render", "--jobs", "0", "x"), ("check",), ("check", "--stric", "x")])
def test_usage_errors_look_like_all_errors(holster: Holster, arguments: tuple[str, ...]) -> None:
    """One form: `error:`, then the fix."""
    called = holster(*arguments)
    assert called.code == 2
    first, second = called.err.splitlines()
    assert first.startswith("error: ")
    assert second == f"  hint: `holster {arguments[0]} --help` tells what it takes"


def test_ctrl_c_during_the_first_imports_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of a short command's time goes by before its first line of code."""

    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> NoReturn:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "generator.cli", Interrupted("generator.cli"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.starts_python
@pytest.mark.parametrize(
    "command", [["schema"], ["show", "examples/trio.yaml"], ["check", "examples/trio.yaml"]]
)
def test_full_disk_under_standard_output_is_named(command: list[str]) -> None:
    """`holster schema > FILE` on a full disk."""
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "generator", *command],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert ended.returncode == 3
    assert b"error: cannot write the answer: No space left on device" in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr


@pytest.mark.starts_python
def test_terminal_without_utf8_gets_an_answer() -> None:
    """Old consoles speak KOI8-R, which has no ellipsis."""
    ended = subprocess.run(
        [sys.executable, "-m", "generator", "render", "--help"],
        cwd=ROOT, env={"PYTHONIOENCODING": "koi8-r", "PATH": ""}, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr.decode()
    assert b"SPEC?" in ended.stdout


@pytest.mark.starts_python
@pytest.mark.parametrize(
    "command", [["schema"], ["show", "--json"], ["check"], ["check", "--format", "json"]]
)
def test_reader_that_goes_away_is_no_invalid_spec(command: list[str]) -> None:
    """`holster check SPEC | head -1` with pipefail: 1 means that the spec is invalid."""
    reader, writer = os.pipe()
    os.close(reader)
    spec = [] if command == ["schema"] else ["examples/trio.yaml"]
    ended = subprocess.run(
        [sys.executable, "-m", "generator", *command, *spec],
        cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writer)
    assert ended.returncode == 141
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr


@pytest.mark.starts_python
@pytest.mark.parametrize(
    "command",
    [
        ["check", "/dev/zero"],
        ["render", "-o", "{tmp}/output", "examples/trio.yaml", "/dev/zero"],
        ["secrets", "import", "--secrets", "{tmp}/bundle.yaml", "examples/trio.yaml", "/dev/zero"],
    ],
)
def test_file_without_an_end_is_refused(command: list[str], tmp_path: Path) -> None:
    """It was read until the machine had no memory left."""
    ended = subprocess.run(
        [sys.executable, "-m", "generator", *(word.format(tmp=tmp_path) for word in command)],
        cwd=ROOT, capture_output=True, check=False, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )  # fmt: skip
    assert ended.returncode == 2
    assert b"cannot read /dev/zero: it is larger than 16 MiB" in ended.stderr
