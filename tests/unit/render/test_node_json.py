"""node.json: where the first boot may take an absent Consul from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from generator.firstboot.document import parse_node
from generator.firstboot.node import Source

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
    assert document["deadlines"]["preflight"] == 120


@pytest.mark.parametrize(
    ("url", "place", "kind"),
    [
        (f"{HOST}/consul_1.22.0_linux_amd64.zip", {"url": f"{HOST}/consul_1.22.0_linux_amd64.zip"}, "zip"),
        (f"{HOST}/consul.rpm?mirror=1", {"url": f"{HOST}/consul.rpm?mirror=1"}, "rpm"),
        (f"{HOST}/1.22.0/consul", {"url": f"{HOST}/1.22.0/consul"}, "binary"),
        ("file:///opt/my%20files/consul.zip", {"path": "/opt/my files/consul.zip"}, "zip"),
    ],
)
def test_a_declared_address_reaches_the_first_boot_program(
    render: Render, url: str, place: dict[str, str], kind: str
) -> None:
    """With its digest and format, and with time to load it; the program itself reads it."""
    source = parse_node(read_text(render, {"url": url, "sha256": DIGEST})).programs["consul"].source
    assert source == Source(place.get("path"), place.get("url"), DIGEST, kind)
    deadlines = json.loads(read_text(render, {"url": url, "sha256": DIGEST}))["deadlines"]
    assert deadlines["preflight"] == 900


@pytest.mark.parametrize(
    "url",
    [
        f"{HOST}/consul.tar.gz",
        f"{HOST}/consul.deb",
        "ftp://files.example.org/consul",
        "https://user:word@files.example.org/consul",
    ],
)
def test_what_the_first_boot_cannot_use_serves_the_image_only(render: Render, url: str) -> None:
    """A password would stand on every machine."""
    document = json.loads(read_text(render, {"url": url, "sha256": DIGEST}))
    assert document["programs"]["consul"]["source"] is None


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
