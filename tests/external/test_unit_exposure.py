"""How exposed the services are, in systemd's own judgement."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.external

LIMITS = {"consul.service": 4.0, "vip-manager.service": 4.0, "patroni.service": 6.0}
BARE = re.compile(
    r"^(Protect|Private|Restrict|SystemCall|Capability|Memory|Lock|NoNew|UMask)\w+=.*$", re.MULTILINE
)


def read_exposure(tool: Path, unit: Path) -> float:
    """Return systemd's figure for a unit: 10 is a service that may do everything."""
    answer = subprocess.run(
        [tool, "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        check=True,
        timeout=60,
        text=True,
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", answer.stdout)
    assert found, answer.stdout
    assert "Unknown" not in answer.stderr
    return float(found[1])


@pytest.mark.parametrize("platform", ["redos8", "redos7", "el9", "debian13"])
@pytest.mark.parametrize("unit", LIMITS)
def test_a_service_may_do_little_beside_its_work(
    rendered_example: Callable[..., Path], tool: Callable[..., Path], platform: str, unit: str
) -> None:
    """They run for years and listen on a network: what they never need is taken from them."""
    payload = rendered_example("sirius", platform) / "nodes/pg1/payload"
    assert read_exposure(tool("systemd-analyze"), payload / "etc/systemd/system" / unit) <= LIMITS[unit]


def test_the_figure_tells_a_bare_unit(
    rendered_example: Callable[..., Path], tool: Callable[..., Path], tmp_path: Path
) -> None:
    """Without these settings every one of them is beyond its limit."""
    units = rendered_example("sirius") / "nodes/pg1/payload/etc/systemd/system"
    for name, limit in LIMITS.items():
        bare = tmp_path / name
        bare.write_text(BARE.sub("", (units / name).read_text("utf-8")))
        assert read_exposure(tool("systemd-analyze"), bare) > limit
