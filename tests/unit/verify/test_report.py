"""What a verification ends with, and how absent and broken tools are told apart."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from generator.credentials.bundle import create_bundle
from generator.errors import BundleInvalid, OutputRejected, ToolFailed, ToolMissing, UsageInvalid
from generator.progress import SilentReporter
from generator.tools.process import CANCELLATION, SCRATCH
from generator.tools.programs import CONSUL, PROGRAMS
from generator.tools.toolbox import ToolBox
from generator.verify import CheckResult, Verdict, VerifyReport, runner, verify_output
from generator.verify.check import OwnCheck, ToolCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from generator.verify.context import Context

OK = CheckResult("yaml", "holster", "a", Verdict.OK)
REJECTED = CheckResult("yaml", "holster", "b", Verdict.REJECTED, "is not YAML")
SKIPPED = CheckResult("consul", "consul 1.12 or newer", "c", Verdict.SKIPPED, "absent")
FAILED = CheckResult("consul", "consul 1.13.9", "c", Verdict.FAILED, "broke")


def _report(*results: CheckResult, require: bool = False) -> VerifyReport:
    return VerifyReport(results, require)


def test_all_well_ends_with_no_error() -> None:
    """Absent tools are named, yet no error unless they are required."""
    report = _report(OK, SKIPPED, SKIPPED)
    assert report.find_error() is None
    assert report.absent_tools == {"consul 1.12 or newer": 2}


def test_required_tool_that_is_absent_is_exit_3() -> None:
    """`--require-tools`."""
    error = _report(OK, SKIPPED, require=True).find_error()
    assert isinstance(error, ToolMissing)
    assert error.exit_code == 3
    assert "consul 1.12 or newer (1 check)" in error.message


def test_rejection_is_exit_4_and_comes_first() -> None:
    """It is a bug of ours, whatever else was missing or broke."""
    error = _report(FAILED, SKIPPED, REJECTED, require=True).find_error()
    assert isinstance(error, OutputRejected)
    assert error.exit_code == 4
    assert error.message == "1 file was rejected:\n  b (yaml, holster): is not YAML"


def test_broken_tool_is_exit_3_even_when_not_required() -> None:
    """A tool that breaks judged nothing: silence would look like acceptance."""
    error = _report(OK, FAILED).find_error()
    assert isinstance(error, ToolFailed)


def test_long_lists_are_cut() -> None:
    """Ten are shown, the rest is counted."""
    error = _report(*[REJECTED] * 12).find_error()
    assert error is not None
    assert "and 2 more" in error.message


def test_result_for_programs() -> None:
    """`holster verify --json`."""
    assert REJECTED.to_json() == {
        "check": "yaml",
        "tool": "holster",
        "file": "b",
        "verdict": "rejected",
        "detail": "is not YAML",
    }


def test_without_tools_every_own_rule_runs_and_every_tool_is_named(
    rendered_example: Callable[..., Path],
) -> None:
    """Nothing but Python: the rest is skipped by name."""
    report = verify_output(
        rendered_example("sirius"), tools=ToolBox([]), require_tools=False, reporter=SilentReporter()
    )
    assert report.select(Verdict.REJECTED) == ()
    assert report.select(Verdict.FAILED) == ()
    assert {name.split()[0] for name in report.absent_tools} == PROGRAMS.keys() - {
        "debugfs",
        "genisoimage",
        # This platform has firewalld.
        "nft",
        "ssh-keygen",
        "xorriso",
        "qemu-img",
        "qemu-system-x86_64",
        "ssh",
    }


def test_verification_changes_nothing_and_leaves_nothing(
    rendered_example: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scratch files hold secrets: 0700, and gone at the end."""
    source = tmp_path / "output"
    shutil.copytree(rendered_example("single"), source)
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    modes = []

    def note(context: Context) -> Iterator[OwnCheck]:
        modes.append(stat.S_IMODE(context.scratch.stat().st_mode))
        modes.append(stat.S_IMODE(context.make_folder("x").stat().st_mode))
        yield OwnCheck("x", "x", list)

    monkeypatch.setattr(runner, "PLANS", (*runner.PLANS, note))
    verify_output(source, tools=ToolBox([]), require_tools=False, reporter=SilentReporter())
    assert modes == [0o700, 0o700]
    assert list(scratch.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in source.rglob("*")} == before


def test_programs_keep_their_temporary_files_in_the_scratch_folder(
    rendered_example: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap: ksvalidator leaves a copy of every kickstart in TMPDIR."""
    found: list[bool] = []

    def plan(context: Context) -> list[OwnCheck]:
        def compare() -> list[str]:
            found.append(SCRATCH.get() == context.scratch)
            return []

        return [OwnCheck("x", "x", compare)]

    monkeypatch.setattr(runner, "PLANS", (plan,))
    verify_output(
        rendered_example("single"), tools=ToolBox([]), require_tools=False, reporter=SilentReporter()
    )
    assert found == [True]
    assert SCRATCH.get() is None


def test_bundle_of_another_cluster_proves_nothing(rendered_example: Callable[..., Path]) -> None:
    """Its CA key would be found nowhere, whatever the output holds."""
    other = create_bundle("vega", (), years=2, now=datetime.now(UTC), entropy=os.urandom)
    with pytest.raises(BundleInvalid, match="vega"):
        verify_output(
            rendered_example("single"),
            tools=ToolBox([]),
            require_tools=False,
            reporter=SilentReporter(),
            bundle=other,
        )


def test_interruption_cancels_what_runs_and_removes_scratch(
    rendered_example: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the main thread gets Ctrl-C; the threads learn of it through CANCELLATION."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen = threading.Event()

    def wait() -> list[str]:
        event = CANCELLATION.get()
        assert event is not None
        if event.wait(10):
            seen.set()
        return []

    def interrupt() -> list[str]:
        raise KeyboardInterrupt

    def plan(_context: Context) -> list[OwnCheck]:
        return [OwnCheck("wait", "x", wait), OwnCheck("interrupt", "x", interrupt)]

    monkeypatch.setattr(runner, "PLANS", (plan,))
    with pytest.raises(KeyboardInterrupt):
        verify_output(
            rendered_example("single"), tools=ToolBox([]), require_tools=False, reporter=SilentReporter()
        )
    assert seen.is_set()
    assert list(tmp_path.iterdir()) == []
    assert CANCELLATION.get() is None


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ToolMissing("none: hunter2-hunter2"), Verdict.SKIPPED),
        (ToolFailed("hunter2-hunter2"), Verdict.FAILED),
    ],
)
def test_tool_errors_become_verdicts_without_secrets(
    monkeypatch: pytest.MonkeyPatch, error: ToolMissing | ToolFailed, verdict: Verdict
) -> None:
    """A broken tool is no absent one, and neither tells a secret."""

    def fail(*_: object) -> None:
        raise error

    box = ToolBox([])
    monkeypatch.setattr(box, "find", fail)
    result = ToolCheck("consul", "x", CONSUL, lambda _tool: ()).run(box, ("hunter2-hunter2",))
    assert result.verdict is verdict
    assert "hunter2" not in result.detail


def test_folder_without_a_manifest_is_a_usage_error(tmp_path: Path) -> None:
    """The likeliest mistake: `output` instead of `output/<cluster>`."""
    with pytest.raises(UsageInvalid, match=r"it has no manifest.json"):
        verify_output(tmp_path, tools=ToolBox([]), require_tools=False, reporter=SilentReporter())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("manifest.json", "{}"),
        ("nodes/pg1/payload/etc/holster/node.json", "{}"),
        ("nodes/pg1/payload/etc/holster/node.json", "["),
        ("nodes/pg1/payload/etc/holster/node.json", '{"roles": [], "network": 5}'),
        ("nodes/pg1/payload/etc/holster/node.json", None),
    ],
)
def test_what_cannot_even_be_read_is_rejected(
    rendered_example: Callable[..., Path], tmp_path: Path, name: str, text: str | None
) -> None:
    """Exit 4 and the file's name, never a traceback."""
    root = tmp_path / "output"
    shutil.copytree(rendered_example("sirius"), root)
    if text is None:
        (root / name).unlink()
    else:
        (root / name).write_text(text)
    with pytest.raises(OutputRejected, match=name):
        verify_output(root, tools=ToolBox([]), require_tools=False, reporter=SilentReporter())
