"""lab-report.json: what a boot of the whole cluster took, beside a bare boot of the same image.

In: what was measured.  Out: dataclasses, written and read as JSON.  Seconds count from
the moment at which the machines were powered on, by the clock of the host.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from generator.whole_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from generator.lab.console import ConsoleLog

REPORT: Final = "lab-report.json"
REPORT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class StageReport:
    """When a stage began and ended."""

    name: str
    began: float
    ended: float | None


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One machine.

    Attributes:
        name, roles, address: who it is.
        sealed: when it was ready.
        bare_boot: when the same machine had booted with an empty seed; None when that was not measured.
        stages: in their order.
    """

    name: str
    roles: tuple[str, ...]
    address: str
    sealed: float | None
    stages: tuple[StageReport, ...]
    bare_boot: float | None = None


@dataclass(frozen=True, slots=True)
class LabReport:
    """One boot of a cluster.

    Attributes:
        cluster, platform: which.
        vip, vip_mode, vip_owner: the virtual address, how vip-manager learns who leads, who has it.
        first_row: when the first row was written through the virtual address and read back.
        accelerator, qemu, processors: what it ran on.
        made: when, as ISO 8601.
        nodes: the machines.
    """

    cluster: str
    platform: str
    vip: str | None
    vip_mode: str
    vip_owner: str | None
    first_row: float | None
    accelerator: str
    qemu: str
    processors: int
    made: str
    nodes: tuple[NodeReport, ...]

    @property
    def ratio(self) -> float | None:
        """How many times a bare boot the last machine took to be ready; None where one is not known."""
        sealed = [node.sealed for node in self.nodes]
        bare = [node.bare_boot for node in self.nodes]
        known_sealed = [moment for moment in sealed if moment is not None]
        known_bare = [moment for moment in bare if moment is not None]
        if not self.nodes or len(known_sealed) != len(sealed) or len(known_bare) != len(bare):
            return None
        return round(max(known_sealed) / max(known_bare), 3)

    def with_bare_boot(self, moments: Mapping[str, float]) -> LabReport:
        """Return the report with what a bare boot of the same machines took."""
        nodes = tuple(replace(node, bare_boot=round(moments[node.name], 1)) for node in self.nodes)
        return replace(self, nodes=nodes)


def list_stages(log: ConsoleLog) -> tuple[StageReport, ...]:
    """Return the stages that a console told of."""
    return tuple(
        StageReport(stage.name, round(stage.began, 1), None if stage.ended is None else round(stage.ended, 1))
        for stage in log.stages
    )


def format_report(report: LabReport) -> str:
    """Return the report as JSON."""
    data: dict[str, Any] = {"holster_lab_report": REPORT_VERSION, **asdict(report), "ratio": report.ratio}
    return json.dumps(data, indent=2) + "\n"


def write_report(report: LabReport, path: Path) -> None:
    """Write the report; an old one is replaced as a whole, its folder made when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, format_report(report))


def parse_report(text: str) -> LabReport:
    """Return the report in a lab-report.json.

    Raises:
        ValueError: it is none, or one of another version.
    """
    try:
        data = json.loads(text)
        if data.pop("holster_lab_report") != REPORT_VERSION:
            raise ValueError("this lab report is of another version")
        data.pop("ratio")
        nodes = tuple(
            NodeReport(
                **{
                    **node,
                    "roles": tuple(node["roles"]),
                    "stages": tuple(StageReport(**stage) for stage in node["stages"]),
                }
            )
            for node in data.pop("nodes")
        )
        return LabReport(nodes=nodes, **data)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no lab report: {error}") from None
