"""The folder for clients: read by libpq itself, without secrets."""

from __future__ import annotations

from configparser import ConfigParser
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render, Rendered

VERIFIED = {
    "sslmode": "verify-full",
    "sslrootcert": "/etc/ssl/sirius-ca.pem",
    "target_session_attrs": "read-write",
    "connect_timeout": "5",
}
BY_VIP = {"host": "192.168.11.200", "port": "5432", **VERIFIED}


def read_services(rendered: Rendered) -> dict[str, dict[str, str]]:
    """Return the sections of pg_service.conf."""
    parser = ConfigParser(interpolation=None)
    parser.read_string(rendered.text("clients/pg_service.conf"))
    return {name: dict(parser[name]) for name in parser.sections()}


def read_uris(rendered: Rendered) -> list[dict[str, str]]:
    """Return what libpq understands of each URI."""
    lines = rendered.text("clients/uri.txt").splitlines()
    parsed = [conninfo_to_dict(line) for line in lines if not line.startswith("#")]
    return [{name: str(value) for name, value in uri.items()} for uri in parsed]


def test_both_ways_lead_to_the_leader_and_verify_it(render: Render) -> None:
    """By the virtual address; by the list of members where that is not reached."""
    rendered = render()
    by_members = {**BY_VIP, "host": "192.168.11.181,192.168.11.182"}
    assert read_services(rendered) == {"sirius": BY_VIP, "sirius-members": by_members}
    assert read_uris(rendered) == [BY_VIP, {**by_members, "port": "5432,5432"}]


def test_the_authority_is_the_one_that_signed(render: Render) -> None:
    """Its certificate only."""
    rendered = render()
    text = rendered.text("clients/ca.pem")
    assert text == rendered.text("nodes/pg1/payload/etc/holster/tls/ca.pem")
    assert text.count("-----BEGIN") == text.count("-----BEGIN CERTIFICATE-----") == 1


def test_no_secret_is_in_the_folder(render: Render) -> None:
    """It is for handing out."""
    files = {path: file for path, file in render().files.items() if path.startswith("clients/")}
    assert {*files} == {"clients/ca.pem", "clients/pg_service.conf", "clients/uri.txt"}
    assert not any(file.is_secret for file in files.values())
    assert not any(b"password" in file.content for file in files.values())


@pytest.mark.parametrize("port", [5432, 6432])
def test_without_tls_nothing_is_verified(render: Render, port: int) -> None:
    """A service that demands a certificate would keep every client out."""
    rendered = render(changes={"postgresql.tls": "off", "ports.postgresql": port})
    assert "clients/ca.pem" not in rendered.files
    plain = {name: value for name, value in BY_VIP.items() if not name.startswith("ssl")}
    assert read_services(rendered)["sirius"] == {**plain, "port": str(port)}
    assert read_uris(rendered)[0] == {**plain, "port": str(port)}
