"""node.json: where the first boot may take an absent Consul from, and who makes the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from generator.node.facts.document import parse_node
from generator.node.facts.node import Source

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render

DIGEST = "ab" * 32
HOST = "https://files.example.org"


def read_text(render: Render, consul: dict[str, Any]) -> str:
    """Render the original's cluster with a declared Consul; return node.json of a machine."""
    rendered = render(changes={"components.consul": consul})
    return rendered.payload("pg1", "/etc/holster/node.json")


@pytest.mark.parametrize("consul", [{}, {"source": "artifact"}, {"version": "1.22.0"}, {"version": "1.13.9"}])
def test_no_network_is_used_where_the_user_declared_no_address(
    render: Render, consul: dict[str, Any]
) -> None:
    """The platform's own URL is for the machine that builds the image."""
    document = json.loads(read_text(render, consul))
    assert document["programs"]["consul"]["source"] is None


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (f"{HOST}/consul_1.22.0_linux_amd64.zip", {"url": f"{HOST}/consul_1.22.0_linux_amd64.zip"}),
        (f"{HOST}/consul.rpm?mirror=1", {"url": f"{HOST}/consul.rpm?mirror=1"}),
        (f"{HOST}/consul.tgz", {"url": f"{HOST}/consul.tgz"}),
        (f"{HOST}/1.22.0/consul", {"url": f"{HOST}/1.22.0/consul"}),
        ("file:///opt/my%20files/consul.zip", {"path": "/opt/my files/consul.zip"}),
    ],
)
def test_a_declared_address_reaches_the_first_boot_program(
    render: Render, url: str, place: dict[str, str]
) -> None:
    """With its digest; the program itself reads it, and looks what the file is."""
    source = parse_node(read_text(render, {"url": url, "sha256": DIGEST})).programs["consul"].source
    assert source == Source(place.get("path"), place.get("url"), DIGEST)


def test_what_the_first_boot_cannot_use_serves_the_image_only(render: Render) -> None:
    """Its program speaks HTTP only."""
    document = json.loads(read_text(render, {"url": "ftp://files.example.org/consul", "sha256": DIGEST}))
    assert document["programs"]["consul"]["source"] is None


@pytest.mark.parametrize("name", ["vip-manager.tgz", "v.tar.bz2", "v.tar.gz?x", "V.ZIP", "vip-manager"])
def test_the_digest_of_a_download_is_not_taken_for_that_of_the_program(render: Render, name: str) -> None:
    """Nobody knows before it is there whether it is an archive: every member would refuse its program."""
    component = {"url": f"{HOST}/{name}", "sha256": DIGEST}
    rendered = render(changes={"components.consul": component, "components.vip_manager": component})
    programs = json.loads(rendered.payload("pg1", "/etc/holster/node.json"))["programs"]
    assert DIGEST not in json.dumps(programs["vip_manager"])
    assert programs["consul"].keys() == {"path", "version", "source"}


@pytest.mark.parametrize(
    ("consul", "answer"), [({}, "''"), ({"url": f"{HOST}/consul.zip", "sha256": DIGEST}, "yes")]
)
def test_the_installer_knows_whether_the_first_boot_brings_consul(
    render: Render, consul: dict[str, Any], answer: str
) -> None:
    """It demands the disc of programs otherwise."""
    text = render(changes={"components.consul": consul}).text("nodes/consul1/ks.cfg")
    lines = [line for line in text.splitlines() if line.startswith("consul_has_source=")]
    assert set(lines) == {f"consul_has_source={answer}"}
    # For the guard and for the copy.
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("memory", "parameters", "least", "is_required"),
    [
        ("31GiB", {}, None, False),
        ("32GiB", {}, 4096, False),
        ("64GiB", {"huge_pages": "try"}, 8192, False),
        ("64GiB", {"huge_pages": "off"}, None, False),
        ("64GiB", {"huge_page_size": "1GB"}, None, False),
        ("8GiB", {"huge_pages": "on"}, 1024, True),
    ],
)
def test_huge_pages_are_reserved_where_memory_is_large_or_they_are_demanded(
    render: Render, memory: str, parameters: dict[str, str], least: int | None, *, is_required: bool
) -> None:
    """On members alone; a quarter of the memory, and what else is in shared memory."""
    rendered = render(
        changes={
            **{f"groups.sirius_postgres.nodes.{index}.memory": memory for index in range(2)},
            "postgresql.parameters": parameters,
        }
    )
    pages = parse_node(rendered.payload("pg1", "/etc/holster/node.json")).system.huge_pages
    assert parse_node(rendered.payload("consul1", "/etc/holster/node.json")).system.huge_pages is None
    if least is None:
        assert pages is None
    else:
        assert pages is not None
        assert least < pages.count < least * 1.2
        assert pages.is_required is is_required


@pytest.mark.parametrize("tags", [{}, {"nofailover": True}, {"failover_priority": 0}, {"nosync": True}])
def test_a_member_that_must_not_lead_makes_no_database(render: Render, tags: dict[str, Any]) -> None:
    """All others would wait for it, for nothing."""
    rendered = render(changes={"groups.sirius_postgres.nodes.0.tags": tags})
    patroni = parse_node(rendered.payload("pg2", "/etc/holster/node.json")).patroni
    assert patroni is not None
    assert patroni.first == ("pg1" if not tags or "nosync" in tags else "pg2")
