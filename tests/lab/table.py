"""`python -m tests.lab.table [FILE]`: the Markdown table of docs/lab.md from recorded figures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.figures import figures_path, load_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lab.figures import Record


def format_table(records: Sequence[Record]) -> str:
    """Return one line for each scenario, with its figures as measured."""
    lines = ["| scenario | what was shown | figures | measured (UTC) |", "|---|---|---|---|"]
    for record in records:
        figures = "; ".join(f"{name}: {value}" for name, value in record.figures.items())
        cells = (str(record.scenario), record.title, figures, record.when)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Print the table of a file."""
    records = load_records(Path(arguments[0]) if arguments else figures_path())
    if not records:
        sys.stderr.write("no scenario was recorded; run `make lab` first\n")
        return 1
    sys.stdout.write(format_table(records))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
