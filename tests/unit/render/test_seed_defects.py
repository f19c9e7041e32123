"""The defects of the playbook that Holster replaces: none of them comes back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render, Rendered

OLD = {
    "postgresql": {"allow_end_of_life": True},
    "components": {
        "consul": {"version": "1.8.4", "source": "artifact"},
        "patroni": {"version": "2.1.3", "source": "artifact"},
        "vip_manager": {"version": "1.0.2", "source": "artifact"},
        "postgresql": {"version": 14},
    },
}
"""The versions that the playbook installed."""


@pytest.fixture(params=["original versions", "current versions"])
def seed(request: pytest.FixtureRequest, render: Render) -> Rendered:
    """Return the playbook's cluster."""
    return render(changes=OLD if request.param == "original versions" else {})


def test_gossip_key_is_in_no_other_file(seed: Rendered) -> None:
    """It was sent to Consul as a token, in a header of HTTP."""
    key = seed.bundle.gossip_key.get_secret_value()
    holders = {
        path.rpartition("/payload")[2]
        for path, file in seed.files.items()
        if "/payload/" in path and key.encode() in file.content
    }
    assert holders == {"/etc/consul.d/consul.hcl"}


def test_gossip_key_is_on_every_machine(seed: Rendered) -> None:
    """It lived on the nodes and in /tmp of a controller; now every render gives the same."""
    lines = {
        line
        for peer in seed.cluster.peers
        for line in seed.payload(peer.name, "/etc/consul.d/consul.hcl").splitlines()
        if line.startswith("encrypt")
    }
    assert len(lines) == 1


def test_retained_wal_fits_its_disk(seed: Rendered) -> None:
    """1 GB of disk met wal_keep_segments = 1875, which are 29 GiB."""
    parameters = seed.document("pg1", "/etc/patroni/patroni.yml")["bootstrap"]["dcs"]["postgresql"][
        "parameters"
    ]
    sizes = {
        name: int(re.fullmatch(r"(\d+)MB", parameters[name])[1])  # type: ignore[index]
        for name in ("max_wal_size", "wal_keep_size", "max_slot_wal_keep_size")
    }
    assert sizes["max_wal_size"] + max(sizes["wal_keep_size"], sizes["max_slot_wal_keep_size"]) <= 0.8 * 1024
    assert "wal_keep_segments" not in parameters


def test_nothing_pretends_to_archive(seed: Rendered) -> None:
    """archive_command was /bin/true."""
    assert "archive" not in seed.payload("pg1", "/etc/patroni/patroni.yml")


def test_nobody_gets_in_from_everywhere(seed: Rendered) -> None:
    """pg_hba.conf let 0.0.0.0/0 in by md5, and the REST API was open to all without a password."""
    text = seed.payload("pg1", "/etc/patroni/patroni.yml")
    assert "0.0.0.0/0" not in text
    assert "md5" not in text
    restapi = seed.document("pg1", "/etc/patroni/patroni.yml")["restapi"]
    assert restapi["connect_address"] == "192.168.11.181:8008"
    assert len(restapi["authentication"]["password"]) >= 20


@pytest.mark.parametrize(
    "path",
    [
        "/etc/firewalld/zones/holster.xml",
        "/etc/chrony.conf",
        "/etc/hosts",
        "/etc/udev/rules.d/90-holster-watchdog.rules",
    ],
)
def test_what_was_missing_is_there(seed: Rendered, path: str) -> None:
    """No firewall, no time, no names, no watchdog."""
    assert seed.payload("pg1", path)


@pytest.mark.parametrize("changes", [OLD, {"vip_manager.mode": "consul"}], ids=["original", "current"])
def test_the_token_of_vip_manager_is_text(render: Render, changes: dict[str, Any]) -> None:
    """One copy of the playbook rendered a whole result object into it; another forgot a space after a key."""
    seed = render(changes=changes)
    document = seed.document("pg1", "/etc/default/vip-manager.yml")
    assert document["consul-token"] == seed.bundle.vip_token.secret_id.get_secret_value()
    assert document["interface"] == "enp0s8"


def test_the_watchdog_is_not_demanded(seed: Rendered) -> None:
    """`required` without the module made no leader at all."""
    assert seed.document("pg1", "/etc/patroni/patroni.yml")["watchdog"]["mode"] == "automatic"
