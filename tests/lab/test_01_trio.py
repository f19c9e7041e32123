"""Scenario 1: three machines become a cluster on their first boot, without anybody's help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from generator.lab.proof import describe_boot, write_first_row
from generator.lab.report import REPORT, write_report
from tests.lab.figures import figures_path, record
from tests.lab.journals import find_journal_leaks

if TYPE_CHECKING:
    from generator.lab.cluster import Lab
    from generator.lab.report import LabReport

pytestmark = pytest.mark.lab

LARGEST_RATIO: Final = 2.0
"""How many bare boots of the same image a first boot may take, three machines at once."""


@pytest.fixture(scope="session")
def first_rows() -> dict[int, tuple[str, float]]:
    """Return who had the address and when the first row went through it, by lab, once it did."""
    return {}


def report_boot(trio: Lab, first_rows: dict[int, tuple[str, float]]) -> LabReport:
    """Return what the first boot took; the first of the scenarios below writes the first row."""
    if id(trio) not in first_rows:
        first_rows[id(trio)] = write_first_row(trio)
    return describe_boot(trio, *first_rows[id(trio)])


def test_first_boot_takes_at_most_two_bare_boots(
    measured: tuple[Lab, dict[str, float]], first_rows: dict[int, tuple[str, float]]
) -> None:
    """The same machines, all at once, from the same image: what the first boot adds to a boot."""
    trio, bare = measured
    report = report_boot(trio, first_rows).with_bare_boot(bare)
    write_report(report, figures_path().with_name(REPORT))
    figures: dict[str, float | int | str] = {
        f"{node.name} bare boot": node.bare_boot for node in report.nodes if node.bare_boot is not None
    }
    assert report.ratio is not None
    assert report.ratio <= LARGEST_RATIO, figures
    record(
        1, "first boot compared with a bare boot of the same image", {**figures, "ratio": f"{report.ratio}"}
    )


def test_three_machines_come_up_on_first_boot(trio: Lab, first_rows: dict[int, tuple[str, float]]) -> None:
    """Every machine is sealed; a row goes through the address from a machine that does not hold it."""
    report = report_boot(trio, first_rows)
    view = trio.cluster_view()
    assert view.leader == report.vip_owner
    assert {member.state for member in view.replicas} == {"streaming"}
    assert {member.is_serving for member in view.members.values()} == {True}
    for machine in trio.nodes.values():
        status = machine.status()
        assert status.is_sealed
        assert {stage.state for stage in status.stages} <= {"done", "skipped"}
    assert find_journal_leaks(trio, trio.nodes) == {}
    figures: dict[str, float | int | str] = {
        f"{node.name} from power on to ready": node.sealed for node in report.nodes if node.sealed is not None
    }
    assert report.first_row is not None
    record(
        1,
        "three machines came up on first boot; a row was written and read through the VIP",
        {
            **figures,
            "from power on to the first row": report.first_row,
            "vip-manager's mode": report.vip_mode,
        },
    )
