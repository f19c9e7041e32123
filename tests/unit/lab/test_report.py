"""lab-report.json: what was measured, and the ratio."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from generator.lab.console import ConsoleLog
from generator.lab.report import (
    LabReport,
    NodeReport,
    StageReport,
    format_report,
    list_stages,
    parse_report,
    write_report,
)

if TYPE_CHECKING:
    from pathlib import Path

NODES = tuple(
    NodeReport(name, ("postgres",), f"192.0.2.{index}", sealed, (StageReport("preflight", 90.0, 97.5),))
    for index, (name, sealed) in enumerate({"pg1": 250.0, "pg2": 270.0}.items())
)
REPORT = LabReport(
    cluster="demo",
    platform="debian13",
    vip="192.0.2.100",
    vip_mode="patroni",
    vip_owner="pg1",
    first_row=275.0,
    accelerator="tcg",
    qemu="qemu 7.2",
    processors=2,
    made="2026-01-01T00:00:00Z",
    nodes=NODES,
)


def test_ratio_compares_the_last_machines() -> None:
    """A cluster is ready when its last machine is."""
    assert REPORT.ratio is None
    report = REPORT.with_bare_boot({"pg1": 150.04, "pg2": 140.0})
    assert report.ratio == 1.8
    assert [node.bare_boot for node in report.nodes] == [150.0, 140.0]


def test_machine_that_was_never_ready_has_no_ratio() -> None:
    """A number would look like a result."""
    report = REPORT.with_bare_boot({"pg1": 150.0, "pg2": 140.0})
    assert replace(report, nodes=(replace(report.nodes[0], sealed=None), report.nodes[1])).ratio is None


def test_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Documents are made from the file."""
    report = REPORT.with_bare_boot({"pg1": 150.0, "pg2": 140.0})
    path = tmp_path / "not yet" / "lab-report.json"
    write_report(report, path)
    assert parse_report(path.read_text()) == report
    assert json.loads(path.read_text())["ratio"] == 1.8
    assert [item.name for item in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["{}", "[]", '{"holster_lab_report": 2}', "nothing"])
def test_other_files_are_no_report(text: str) -> None:
    """Another version must not be misread."""
    with pytest.raises(ValueError, match=r"."):
        parse_report(text)
    with pytest.raises(ValueError, match=r"."):
        parse_report(format_report(REPORT).replace('"began"', '"begun"'))


def test_stages_come_from_the_console() -> None:
    """A stage that did not end has no end."""
    log = ConsoleLog()
    log.feed("holster: [preflight] begins\n", 90.04)
    log.feed("holster: [preflight] done in 7.5 s\nholster: [storage] begins\n", 97.5)
    assert list_stages(log) == (StageReport("preflight", 90.0, 97.5), StageReport("storage", 97.5, None))
