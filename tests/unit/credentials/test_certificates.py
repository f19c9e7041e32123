"""Certificates: right names, right purposes, right lifetimes, no bias in keys."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from generator.credentials.bundle import CredentialBundle, NodeIdentity, create_bundle
from generator.credentials.certificates import (
    P256_ORDER,
    draw_key,
    draw_serial,
    is_signed_by,
    parse_certificate,
    parse_key,
)

if TYPE_CHECKING:
    from pathlib import Path


def get_names(certificate: x509.Certificate) -> tuple[set[str], set[str]]:
    """Return DNS names and addresses of the certificate."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(names.get_values_for_type(x509.DNSName)), {
        str(address) for address in names.get_values_for_type(x509.IPAddress)
    }


def test_server_has_the_name_that_consul_demands(bundle: CredentialBundle) -> None:
    """Reference notes §1.2, rule C8: `verify_server_hostname` compares with server.<dc>.<domain>."""
    certificate = parse_certificate(bundle.nodes["consul2"].certificate)
    assert get_names(certificate) == (
        {"server.sirius.consul", "consul2", "localhost"},
        {"127.0.0.1", "192.168.11.192"},
    )


def test_trap_c8_client_must_not_pass_for_a_server(bundle: CredentialBundle) -> None:
    """A client with server.… would make verify_server_hostname void."""
    dns, _ = get_names(parse_certificate(bundle.nodes["pg1"].certificate))
    assert dns == {"client.sirius.consul", "localhost"}


def test_postgresql_vouches_for_every_name_that_clients_and_members_use(bundle: CredentialBundle) -> None:
    """Before version 15 libpq compares an address with DNS names, as text; later ones with both."""
    own = bundle.nodes["pg1"].postgresql
    assert own is not None
    addresses = {"192.168.11.181", "192.168.11.200", "127.0.0.1"}
    assert get_names(parse_certificate(own.certificate)) == (
        {"pg1", "pg1.test", "localhost"} | addresses,
        addresses,
    )


def test_postgresql_serves_only(bundle: CredentialBundle) -> None:
    """Its key belongs to another user than Consul's: as a client of Consul it must be worth nothing."""
    own = bundle.nodes["pg1"].postgresql
    assert own is not None
    usage = parse_certificate(own.certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(usage.value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_patroni_serves_members_and_loopback_and_asks_the_others(bundle: CredentialBundle) -> None:
    """vip-manager comes to 127.0.0.1; a change at another member needs a certificate. No name of Consul's."""
    own = bundle.nodes["pg1"].patroni
    assert own is not None
    certificate = parse_certificate(own.certificate)
    assert get_names(certificate) == ({"pg1", "pg1.test", "localhost"}, {"192.168.11.181", "127.0.0.1"})
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(usage.value) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


def test_patronis_speak_to_each_other_under_the_rules_of_newer_pythons(
    bundle: CredentialBundle, tmp_path: Path
) -> None:
    """Python 3.13 (debian13) is strict about extensions by default; each side shows its certificate."""
    contexts = []
    for name, purpose in (("pg1", ssl.Purpose.CLIENT_AUTH), ("pg2", ssl.Purpose.SERVER_AUTH)):
        own = bundle.nodes[name].patroni
        assert own is not None
        (tmp_path / name).write_text(own.certificate + own.key.get_secret_value())
        context = ssl.create_default_context(purpose, cadata=bundle.authority.certificate)
        context.load_cert_chain(tmp_path / name)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.verify_mode = ssl.CERT_REQUIRED
        contexts.append(context)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = contexts[0].wrap_bio(to_server, to_client, server_side=True)
    client = contexts[1].wrap_bio(to_client, to_server, server_hostname="192.168.11.181")
    for side in (client, server, client, server, client):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert server.getpeercert()
    assert client.getpeercert()


@pytest.mark.parametrize("name", ["consul1", "pg1"])
def test_purposes(bundle: CredentialBundle, name: str) -> None:
    """Agents speak in both directions, so both purposes; nobody but the authority signs."""
    certificate = parse_certificate(bundle.nodes[name].certificate)
    find = certificate.extensions.get_extension_for_class
    assert set(find(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    constraints = find(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca
    assert find(x509.KeyUsage).critical
    assert find(x509.KeyUsage).value.digital_signature
    assert not find(x509.KeyUsage).value.key_cert_sign


def test_authority_may_sign_leaves_only(bundle: CredentialBundle) -> None:
    """A path length of 0: no authority below it."""
    find = parse_certificate(bundle.authority.certificate).extensions.get_extension_for_class
    assert find(x509.BasicConstraints).critical
    assert find(x509.BasicConstraints).value == x509.BasicConstraints(ca=True, path_length=0)
    usage = find(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.digital_signature


def test_trap_19_lifetimes_begin_a_day_early_and_end_in_order(
    bundle: CredentialBundle, now: datetime
) -> None:
    """A machine whose clock runs in local time is hours behind on its first boot."""
    authority = parse_certificate(bundle.authority.certificate)
    moment = now.replace(microsecond=0)
    for node in bundle.nodes.values():
        leaf = parse_certificate(node.certificate)
        assert leaf.not_valid_before_utc == moment - timedelta(hours=24)
        assert leaf.not_valid_after_utc == moment + timedelta(days=3650)
        assert leaf.not_valid_after_utc < authority.not_valid_after_utc
    assert authority.not_valid_before_utc == moment - timedelta(hours=24)


def test_serials_are_unique_and_well_formed(bundle: CredentialBundle) -> None:
    """RFC 5280: positive, at most 20 bytes."""
    pems = [bundle.authority.certificate, *(node.certificate for node in bundle.nodes.values())]
    serials = {parse_certificate(pem).serial_number for pem in pems}
    assert len(serials) == 6
    assert all(0 < serial < 1 << 159 for serial in serials)


def test_chain_is_accepted_by_a_strict_verifier(
    bundle: CredentialBundle, nodes: tuple[NodeIdentity, ...], now: datetime
) -> None:
    """An X.509 verifier with the rules of the web, which also demands key identifiers."""
    store = Store([parse_certificate(bundle.authority.certificate)])
    builder = PolicyBuilder().store(store).time(now)
    for node in nodes:
        leaf = parse_certificate(bundle.nodes[node.name].certificate)
        if node.is_server:
            builder.build_server_verifier(x509.DNSName("server.sirius.consul")).verify(leaf, [])
            builder.build_server_verifier(x509.IPAddress(IPv4Address(node.address))).verify(leaf, [])
        else:
            builder.build_client_verifier().verify(leaf, [])
            with pytest.raises(VerificationError):
                builder.build_server_verifier(x509.DNSName("server.sirius.consul")).verify(leaf, [])


def test_signature_of_another_authority_is_noticed(bundle: CredentialBundle) -> None:
    """Also when names agree: a leaf did not sign its sister."""
    certificates = [parse_certificate(node.certificate) for node in bundle.nodes.values()]
    assert is_signed_by(certificates[0], parse_certificate(bundle.authority.certificate))
    assert not is_signed_by(certificates[0], certificates[1])


@pytest.mark.parametrize("outside", [0, P256_ORDER, P256_ORDER + 1, (1 << 256) - 1])
def test_keys_outside_the_group_are_drawn_again(outside: int) -> None:
    """Reducing them would favour small keys; zero is no key."""
    draws = [outside.to_bytes(32), (P256_ORDER - 1).to_bytes(32)]
    key = draw_key(lambda size: draws.pop(0)[:size])
    assert key.private_numbers().private_value == P256_ORDER - 1
    assert isinstance(key.curve, ec.SECP256R1)


@pytest.mark.parametrize("byte", [b"\x00", b"\xff"])
def test_serial_of_extreme_draws_is_still_valid(byte: bytes) -> None:
    """Zero is no serial number, and the top bit would make it negative."""
    assert 0 < draw_serial(lambda size: byte * size) < 1 << 159


@pytest.mark.parametrize("text", ["", "SENTINEL", "-----BEGIN PRIVATE KEY-----\nSENTINEL\n", "ключ"])
def test_unreadable_pem_is_refused_without_repeating_it(text: str) -> None:
    """The text may be half a key."""
    for parse in (parse_key, parse_certificate):
        with pytest.raises(ValueError, match="in PEM") as caught:
            parse(text)
        assert "SENTINEL" not in str(caught.value)


@pytest.mark.parametrize(("client", "succeeds"), [("pg1", True), (None, False)])
def test_openssl_accepts_both_ends(
    nodes: tuple[NodeIdentity, ...], tmp_path: Path, client: str | None, *, succeeds: bool
) -> None:
    """A handshake in memory by OpenSSL, strict: both certificates demanded, the server's name compared."""
    # Made now: OpenSSL asks the machine's clock.
    bundle = create_bundle("sirius", nodes, years=2, now=datetime.now(UTC), entropy=os.urandom)
    ends = [
        make_end(bundle, tmp_path, "consul1", ssl.PROTOCOL_TLS_SERVER),
        make_end(bundle, tmp_path, client, ssl.PROTOCOL_TLS_CLIENT),
    ]
    try:
        shake_hands(*ends)
    except ssl.SSLError as error:
        assert not succeeds, error  # noqa: PT017 -- which end notices first depends on the TLS version
    else:
        assert succeeds


End = tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]


def make_end(bundle: CredentialBundle, folder: Path, node: str | None, protocol: int) -> End:
    """Return one end of a connection, with the certificate of a node or with none."""
    context = ssl.SSLContext(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=bundle.authority.certificate)
    if node:
        credentials = bundle.nodes[node]
        path = folder / f"{node}.pem"
        path.write_text(credentials.certificate + credentials.key.get_secret_value())
        context.load_cert_chain(path)
    is_server = protocol == ssl.PROTOCOL_TLS_SERVER
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    name = None if is_server else "server.sirius.consul"
    return (
        context.wrap_bio(incoming, outgoing, server_side=is_server, server_hostname=name),
        incoming,
        outgoing,
    )


def shake_hands(server: End, client: End) -> None:
    """Carry bytes between both ends until both are content."""
    for _ in range(6):
        for (end, _incoming, outgoing), (_other, peer, _outgoing) in ((client, server), (server, client)):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
                end.write(b"hello")
            peer.write(outgoing.read())
    assert server[0].read() == client[0].read() == b"hello"
