"""The figures of the matrix in a file, and the table that is made from it for docs/lab.md.

`python -m tests.matrix.record` prints the table.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.matrix.faults import FAULTS

if TYPE_CHECKING:
    from tests.matrix.run import Figures, Scenario

ROOT: Final = Path(__file__).resolve().parents[2]
TARGETS: Final = {
    "primary": "primary",
    "raft": "raft leader",
    "both": "primary and raft leader in one",
    "standby": "synchronous standby",
}
HEAD: Final = (
    "fault",
    "machine",
    "lasts",
    "two writable primaries",
    "rows of a second one",
    "two owners",
    "lost of acknowledged",
    "longest time without writes",
    "without an address",
    "lock gone after",
    "whole again after",
)


def figures_path() -> Path:
    """Return where the figures go."""
    return Path(os.environ.get("HOLSTER_MATRIX_FIGURES", ROOT / "output" / "matrix-figures.json"))


def record(site: str, scenario: Scenario, figures: Figures) -> None:
    """Write the figures of a scenario down, over those of an earlier run of the same."""
    path = figures_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as stream:
        # Two clusters may be at work at once.
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        known: dict[str, Any] = json.loads(stream.read() or "{}")
        known[f"{site} {scenario.id}"] = {
            "site": site,
            "fault": scenario.fault,
            "target": scenario.target,
            "seconds": scenario.seconds,
            "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            **figures.to_json(),
        }
        stream.truncate(0)
        stream.write(json.dumps(known, indent=1) + "\n")


def _time(seconds: float | None, never: str = "-") -> str:
    return never if seconds is None else f"{seconds:.1f} s"


def make_table(known: dict[str, Any], site: str) -> str:
    """Return the table of one site as Markdown."""
    order, places = list(FAULTS), list(TARGETS)
    rows = sorted(
        (item for item in known.values() if item["site"] == site),
        key=lambda item: (order.index(item["fault"]), places.index(item["target"]), item["seconds"]),
    )
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for item in rows:
        cells = (
            FAULTS[item["fault"]].words,
            TARGETS[item["target"]],
            f"{item['seconds']} s",
            _time(item["primaries_s"]),
            str(item["rival_rows"]),
            _time(item["owners_s"]),
            f"{item['lost']} of {item['rows']}",
            _time(item["silence_s"]),
            _time(item["no_address_s"]),
            _time(item["key_s"]),
            _time(item["whole_s"], f"not: {item['missing']}"),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables of all sites."""
    known = json.loads(figures_path().read_text("utf-8"))
    for site in sorted({item["site"] for item in known.values()}):
        sys.stdout.write(f"### {site}\n\n{make_table(known, site)}\n\n")


if __name__ == "__main__":
    main()
