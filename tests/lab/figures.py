"""What a scenario measured: printed at once, and kept for the table of docs/lab.md.

A scenario records its figures after its last assertion: what is in the file, passed.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
VARIABLE: Final = "HOLSTER_LAB_FIGURES"


@dataclass(frozen=True, slots=True)
class Record:
    """One scenario that passed.

    Attributes:
        scenario: its number in the issue.
        title: what was shown, in a sentence.
        figures: name with its unit -> value, as measured.
        when: date and time, UTC.
    """

    scenario: int
    title: str
    figures: dict[str, str]
    when: str


def figures_path() -> Path:
    """Return the file: HOLSTER_LAB_FIGURES, else output/lab-figures.json of the checkout."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else ROOT / "output" / "lab-figures.json"


def load_records(path: Path) -> list[Record]:
    """Return what was recorded, in the order of the scenarios; an absent file holds nothing."""
    if not path.exists():
        return []
    records = [Record(**item) for item in json.loads(path.read_text("utf-8"))]
    return sorted(records, key=lambda record: (record.scenario, record.title))


def format_figure(value: float | str) -> str:
    """Return a figure as it is shown: a float is seconds and has one decimal."""
    return f"{value:.1f} s" if isinstance(value, float) else str(value)


def record(scenario: int, title: str, figures: dict[str, float | int | str]) -> None:
    """Print the figures, and put them into the file in place of the scenario's earlier ones."""
    shown = {name: format_figure(value) for name, value in figures.items()}
    lines = "".join(f"    {name}: {value}\n" for name, value in shown.items())
    sys.stdout.write(f"\nscenario {scenario}: {title}\n{lines}")
    sys.stdout.flush()
    path = figures_path()
    kept = [item for item in load_records(path) if (item.scenario, item.title) != (scenario, title)]
    kept.append(Record(scenario, title, shown, datetime.now(UTC).strftime("%Y-%m-%d %H:%M")))
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(json.dumps([asdict(item) for item in kept], indent=2) + "\n", "utf-8")
    fresh.replace(path)
