"""Every key of a member and of Patroni, read by the real Patroni.

`patroni --validate-config` knows the values of most keys and lets others pass; that each key of the spec
has arrived is looked at here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from generator.spec.model import PatroniSpec, TagsSpec
from generator.tools import programs
from generator.tools.patroni import check_patroni_config
from tests.fakes.rendering import render_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.tools.toolbox import ToolBox

pytestmark = pytest.mark.external

CASE = Path(__file__).parents[1] / "cases" / "every-member-key.yaml"
MEMBERS = ("p2", "p3", "p5")
"""Between them they have every tag."""
OF_ANOTHER_PATRONI = {"sync_priority"}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the case, rendered."""
    return render_text(CASE.read_bytes(), tmp_path_factory.mktemp("keys") / "out")


def find_config(output: Path, member: str) -> Path:
    """Return where a member's configuration is."""
    return output / f"nodes/{member}/payload/etc/patroni/patroni.yml"


def read_config(output: Path, member: str) -> dict[str, Any]:
    """Return a member's configuration."""
    config: dict[str, Any] = yaml.safe_load(find_config(output, member).read_text("utf-8"))
    return config


@pytest.mark.parametrize("member", MEMBERS)
def test_patroni_accepts_every_member(
    output: Path, tool: Callable[..., Path], toolbox: ToolBox, member: str
) -> None:
    """All of them together, as somebody may want them."""
    tool("patroni")
    patroni = toolbox.find(programs.PATRONI)
    assert patroni is not None
    assert check_patroni_config(patroni, find_config(output, member)) == ()


def test_the_case_has_every_key() -> None:
    """A key that the spec learns belongs into the case."""
    spec = yaml.safe_load(CASE.read_text("utf-8"))
    assert set(PatroniSpec.model_fields) == set(spec["patroni"])
    tags = {key for node in spec["groups"]["members"]["nodes"] for key in node.get("tags", {})}
    assert set(TagsSpec.model_fields) - OF_ANOTHER_PATRONI == tags


def test_every_key_arrives(output: Path) -> None:
    """Where Patroni looks for it."""
    config = read_config(output, "p5")
    assert config["tags"] == {
        "nofailover": True,
        "nosync": True,
        "noloadbalance": False,
        "clonefrom": True,
        "replicatefrom": "p4",
    }
    assert read_config(output, "p2")["tags"]["failover_priority"] == 2
    dcs = config["bootstrap"]["dcs"]
    assert dcs["synchronous_mode"] == "quorum"
    assert dcs["synchronous_node_count"] == 2
    assert (dcs["primary_start_timeout"], dcs["primary_stop_timeout"]) == (0, 120)
    assert dcs["slots"] == {
        "change_capture": {"type": "logical", "database": "app", "plugin": "pgoutput"},
        "archive": {"type": "physical"},
    }
    assert dcs["postgresql"]["parameters"]["wal_level"] == "logical"
    hba = dcs["postgresql"]["pg_hba"]
    assert any(line.split()[:4] == ["local", "app", "app", "peer"] for line in hba)
    assert any(line.startswith("hostssl") and line.endswith("cert") for line in hba)
    assert (config["restapi"]["verify_client"], config["restapi"]["certfile"][:1]) == ("optional", "/")
    assert config["watchdog"] == {"mode": "required", "device": "/dev/holster-watchdog", "safety_margin": -1}
    parameters = config["postgresql"]["parameters"]
    assert parameters["huge_pages"] == "on"
    assert parameters["ssl"] == "on"
    assert config["postgresql"]["recovery_conf"] == {"restore_command": "/usr/local/bin/fetch-wal %f %p"}
