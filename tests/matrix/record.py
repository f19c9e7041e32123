"""The figures of the matrix in a file, and the tables that are made from it for docs/lab.md.

`python -m tests.matrix.record` prints them: one for each cluster, and vip-managers side by side.
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
from tests.matrix.settings import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.matrix.demands import Terms
    from tests.matrix.run import Figures, Scenario
    from tests.matrix.settings import Setting

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


def logs_folder(place: str, scenario: Scenario) -> Path:
    """Return where the logs of a cluster go that broke a promise."""
    return figures_path().with_name("matrix-logs") / f"{place}-{scenario.id}"


def record(example: str, setting: Setting, scenario: Scenario, figures: Figures, terms: Terms) -> None:
    """Write the figures of a scenario down, over those of an earlier run of the same."""
    path = figures_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as stream:
        # Two clusters may be at work at once.
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        known: dict[str, Any] = json.loads(stream.read() or "{}")
        known[f"{setting.place(example)} {scenario.id}"] = {
            "site": example,
            "setting": setting.words,
            "vip_manager": f"{terms.vip_version} {terms.vip_mode}",
            "is_synchronous": terms.is_synchronous,
            "has_failsafe": terms.has_failsafe,
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


def _lost(item: dict[str, Any]) -> str:
    words = f"{item['lost']} of {item['rows']}"
    if item["lost"] and item.get("lost_from_s") is not None:
        words += f" ({item['lost_from_s']:.1f} to {item['lost_until_s']:.1f} s after the fault)"
    return words


def _place(item: dict[str, Any]) -> tuple[int, int, int]:
    """Return where a line stands: by fault, machine and duration."""
    return list(FAULTS).index(item["fault"]), list(TARGETS).index(item["target"]), item["seconds"]


def _title(item: dict[str, Any]) -> str:
    words = f"{item['site']}, {item.get('setting', PLAIN.words)}"
    return f"{words} (vip-manager {item['vip_manager']})" if "vip_manager" in item else words


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def make_table(items: Iterable[dict[str, Any]]) -> str:
    """Return the table of one cluster as Markdown."""
    rows = [
        (
            FAULTS[item["fault"]].words,
            TARGETS[item["target"]],
            f"{item['seconds']} s",
            _time(item["primaries_s"]),
            str(item["rival_rows"]),
            _time(item["owners_s"]),
            _lost(item),
            _time(item["silence_s"]),
            _time(item["no_address_s"]),
            _time(item["key_s"]),
            _time(item["whole_s"], f"not: {item['missing']}"),
        )
        for item in sorted(items, key=_place)
    ]
    return _lines(HEAD, rows)


def compare_vip_managers(items: Iterable[dict[str, Any]]) -> str:
    """Return time without an address and with two owners of it, a column for each version and mode.

    Only clusters that are alike in all else, and only faults that more than one of them saw.
    """
    found: dict[tuple[str, str, int], dict[str, dict[str, Any]]] = {}
    for item in items:
        if item.get("is_synchronous") and item.get("has_failsafe"):
            key = (item["fault"], item["target"], item["seconds"])
            found.setdefault(key, {})[item["vip_manager"]] = item
    found = {key: seen for key, seen in found.items() if len(seen) > 1}
    versions = sorted({version for seen in found.values() for version in seen})
    rows = [
        (
            f"{FAULTS[key[0]].words}, {TARGETS[key[1]]}, {key[2]} s",
            *(
                f"{_time(seen[name]['no_address_s'])} / {_time(seen[name]['owners_s'])}"
                if name in seen
                else ""
                for name in versions
            ),
        )
        for key, seen in sorted(found.items(), key=lambda entry: _place(next(iter(entry[1].values()))))
    ]
    return _lines(("without an address / two owners", *versions), rows) if rows else ""


def main() -> None:
    """Print all tables."""
    known = list(json.loads(figures_path().read_text("utf-8")).values())
    for title in dict.fromkeys(_title(item) for item in known):
        table = make_table(item for item in known if _title(item) == title)
        sys.stdout.write(f"### {title}\n\n{table}\n\n")
    for site in sorted({item["site"] for item in known}):
        table = compare_vip_managers(item for item in known if item["site"] == site)
        if table:
            sys.stdout.write(f"### {site}, vip-manager compared\n\n{table}\n\n")


if __name__ == "__main__":
    main()
