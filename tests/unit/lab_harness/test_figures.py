"""Figures are kept as measured, one record for each thing shown, and make the table of docs/lab.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.figures import VARIABLE, load_records, record
from tests.lab.table import format_table, main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_figures_are_printed_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scenario that runs again replaces what it said before."""
    path = tmp_path / "deeper" / "figures.json"
    monkeypatch.setenv(VARIABLE, str(path))
    record(12, "reboots", {"longest time without a primary": 3.14159})
    record(3, "power cut", {"time without writes": 40.0, "rows": 100})
    record(12, "reboots", {"longest time without a primary": 2.0})
    assert (
        "scenario 3: power cut\n    time without writes: 40.0 s\n    rows: 100\n" in capsys.readouterr().out
    )
    records = load_records(path)
    assert [(item.scenario, item.figures) for item in records] == [
        (3, {"time without writes": "40.0 s", "rows": "100"}),
        (12, {"longest time without a primary": "2.0 s"}),
    ]
    table = format_table(records)
    assert "| 3 | power cut | time without writes: 40.0 s; rows: 100 |" in table


def test_table_of_nothing_is_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty file must not make an empty table in the docs."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent.json"))
    assert main([]) == 1
    assert "make lab" in capsys.readouterr().err
