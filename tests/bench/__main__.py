"""`make bench`: measure Holster, print the table of docs/performance.md.

Every figure of one table comes from one run; ratios are what to compare.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.ansible import compare_with_ansible
from tests.bench.fleet import NODES_PER_CLUSTER, write_fleet
from tests.bench.measure import measure, median_seconds

ROOT = Path(__file__).resolve().parents[2]
HOLSTER = [str(Path(sys.executable).parent / "holster")]
PYTHON = [sys.executable]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    figure: str
    limit: str
    is_kept: bool


def bench_start(folder: Path) -> list[Row]:
    """Measure the start of the program and a warm render of the example."""
    bare = median_seconds([*PYTHON, "-c", "pass"], folder, 15)
    shown = median_seconds([*HOLSTER, "--help"], folder, 15)
    limit = 1.5 * bare + 0.060
    spec = str(ROOT / "examples" / "sirius.yaml")

    outputs = (folder / f"warm{number}" for number in range(100))
    measure([*HOLSTER, "render", spec, "-o", str(next(outputs))], folder)
    runs = [measure([*HOLSTER, "render", spec, "-o", str(next(outputs))], folder).seconds for _ in range(5)]
    warm = sorted(runs)[2]
    return [
        Row("`python -c pass`", f"{bare * 1000:.0f} ms", "", is_kept=True),
        Row("`holster --help`", f"{shown * 1000:.0f} ms", f"≤ {limit * 1000:.0f} ms", shown <= limit),
        Row("`holster render examples/sirius.yaml`, warm", f"{warm:.2f} s", "≤ 1.5 s", warm <= 1.5),
    ]


def bench_fleet(folder: Path, clusters: int, jobs: int) -> tuple[float, float, float]:
    """Return seconds of the first render, seconds of the second, peak MiB."""
    shutil.rmtree(folder, ignore_errors=True)
    specs = [str(path) for path in write_fleet(folder / "specs", clusters)]
    command = [*HOLSTER, "render", "--quiet", "--jobs", str(jobs), "-o", str(folder / "output"), *specs]
    first = measure(command, folder)
    stamps = read_stamps(folder / "output")
    second = measure(command, folder)
    if read_stamps(folder / "output") != stamps:
        sys.exit("the second render wrote something")
    return first.seconds, second.seconds, max(first.peak_mib, second.peak_mib)


def read_stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Return inode and change time of every file: what a write would alter."""
    return {
        str(path): (path.lstat().st_ino, path.lstat().st_ctime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def bench_fleets(folder: Path, clusters: int) -> list[Row]:
    """Measure a tenth of the fleet and the whole fleet, one job and one per core."""
    nodes = clusters * NODES_PER_CLUSTER
    small, _, _ = bench_fleet(folder / "small", clusters // 10, 1)
    first, second, peak = bench_fleet(folder / "fleet", clusters, 1)
    cores = os.cpu_count() or 1
    parallel, _, _ = bench_fleet(folder / "parallel", clusters, cores)
    per_node = first / nodes * 1000
    per_core = parallel * cores / nodes * 1000
    growth = first / small
    again = second / first
    return [
        Row(f"fleet of {nodes} nodes, one job", f"{per_node:.1f} ms per node", "≤ 15 ms", per_node <= 15),
        Row(
            f"fleet of {nodes} nodes, {cores} jobs",
            f"{per_core:.1f} ms per node per core",
            "≤ 15 ms",
            per_core <= 15,
        ),
        Row("peak memory of the largest process", f"{peak:.0f} MiB", "≤ 400 MiB", peak <= 400),
        Row(f"time for {nodes} nodes / {nodes // 10} nodes", f"{growth:.1f} x", "≤ 11 x", growth <= 11),
        Row("second render, nothing changed / first", f"{again:.2f} x", "≤ 0.25 x", again <= 0.25),
    ]


def bench_ansible(folder: Path, nodes: int) -> list[Row]:
    """Measure ansible-playbook and Holster on the same machines and templates."""
    rival = compare_with_ansible(folder, nodes)
    return [
        Row(
            f"`ansible-playbook`, same {rival.templates} templates for {rival.nodes} nodes",
            f"{rival.ansible_seconds / rival.nodes * 1000:.0f} ms per node",
            "",
            is_kept=True,
        ),
        Row(
            f"Holster, the same {rival.nodes} nodes (and ISOs, secrets, manifest)",
            f"{rival.holster_seconds / rival.nodes * 1000:.1f} ms per node",
            "",
            is_kept=True,
        ),
        Row("ansible-playbook / Holster", f"{rival.ratio:.0f} x", "≥ 30 x", rival.ratio >= 30),
    ]


def format_table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table with the machine and the day below it."""
    lines = ["| what | measured | limit | kept |", "|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.figure} | {row.limit or '-'} | "
        f"{('yes' if row.is_kept else '**no**') if row.limit else '-'} |"
        for row in rows
    ]
    machine = (
        f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    )
    return "\n".join([*lines, "", f"Machine: {machine}."])


def main() -> int:
    """Run the benchmark; 1 when a limit is not kept."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--clusters", type=int, default=200, help="clusters of five machines (default 200)")
    parser.add_argument(
        "--ansible-nodes", type=int, default=20, help="machines for the rival; 0: leave it out"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "output") as name:
        folder = Path(name)
        rows = bench_start(folder)
        rows += bench_fleets(folder, options.clusters)
        if options.ansible_nodes:
            rows += bench_ansible(folder / "rival", options.ansible_nodes)
    print(format_table(rows))  # noqa: T201 -- the benchmark's product
    return 0 if all(row.is_kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
