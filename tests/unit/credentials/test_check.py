"""Does a bundle fit?  Every way in which it may not, in words and without secrets."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from generator.credentials.bundle import CredentialBundle, create_bundle, reissue_node
from generator.credentials.certificates import name_postgresql
from generator.credentials.check import check_bundle
from generator.errors import BundleInvalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from generator.credentials.bundle import NodeIdentity

    MakeEntropy = Callable[[str], Callable[[int], bytes]]
    Nodes = tuple[NodeIdentity, ...]


def change(bundle: CredentialBundle, place: str, value: object) -> CredentialBundle:
    """Return the bundle with another value at a dotted place."""
    data: dict[str, Any] = bundle.model_dump()
    *parents, last = place.split(".")
    part = data
    for parent in parents:
        part = part[parent]
    part[last] = value
    return CredentialBundle.model_validate(data)


def test_fitting_bundle_has_nothing_to_say(bundle: CredentialBundle, nodes: Nodes, now: datetime) -> None:
    """Also for some of its nodes only."""
    assert check_bundle(bundle, "sirius", nodes, now) == ()
    assert check_bundle(bundle, "sirius", nodes[:1], None) == ()


def test_bundle_of_another_cluster(bundle: CredentialBundle, nodes: Nodes) -> None:
    """Else two clusters would share their secrets, and their machines would meet."""
    with pytest.raises(BundleInvalid, match="belongs to the cluster sirius, not to vega") as caught:
        check_bundle(bundle, "vega", nodes, None)
    assert caught.value.exit_code == 1
    assert "--secrets" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("gossip_key", "c2hvcnQ=", "gossip key must be 32 bytes"),
        ("gossip_key", "no base64!", "gossip key must be 32 bytes"),
        ("management_token.secret_id", "SENTINEL", "secret id of the management token is not a lower-case"),
        ("nodes.pg1.agent_token.accessor_id", "x", "accessor id of the agent token of pg1 is not"),
        ("passwords.rest", "", "a password is empty"),
        ("passwords.rest", "two\nlines", "control characters"),
        ("nodes.pg1.certificate", "SENTINEL", "the certificate of pg1 is not a certificate in PEM"),
        ("nodes.pg1.key", "SENTINEL", "the key of pg1 is not an unencrypted elliptic-curve key in PEM"),
        ("authority.key", "SENTINEL", "the key of the authority is not an unencrypted"),
    ],
)
def test_broken_values_are_named_but_not_shown(
    bundle: CredentialBundle, nodes: Nodes, place: str, value: str, message: str
) -> None:
    """Whoever edits a bundle by hand learns where, and nobody learns what."""
    with pytest.raises(BundleInvalid, match=message) as caught:
        check_bundle(change(bundle, place, value), "sirius", nodes, None)
    assert "SENTINEL" not in f"{caught.value!r} {caught.value} {caught.value.hint}"


PAIR = "must be one PEM block; the text holds a private key beside it"
SEVERAL = "must be one PEM block; the text holds several"
MORE = "must be one PEM block and nothing else"
NOT_ONE = "is not a certificate in PEM"


@pytest.mark.parametrize("owner", ["authority", "nodes.pg1"])
@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("certificate", "{certificate}{key}", PAIR),
        ("certificate", "{key}{certificate}", PAIR),
        ("certificate", "{certificate}{other}", SEVERAL),
        ("certificate", "{certificate}{certificate}", SEVERAL),
        ("certificate", "subject=CN = SENTINEL\n{certificate}", MORE),
        ("certificate", "{certificate}SENTINEL\n", MORE),
        ("certificate", "{certificate}-----END CERTIFICATE-----\n", MORE),
        ("certificate", "{key}", NOT_ONE),
        ("certificate", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", NOT_ONE),
        ("certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a readable"),
        ("certificate", "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n", "not a certificate"),
        ("certificate", "{certificate}\N{NO-BREAK SPACE}\N{LATIN SMALL LETTER E WITH ACUTE}", MORE),
        ("key", "{key}{certificate}", PAIR),
        ("key", "{key}{key}", PAIR),
        ("key", "SENTINEL\n{key}", MORE),
        ("key", "{certificate}", "is not an unencrypted elliptic-curve key in PEM"),
        ("key", "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{key}", PAIR),
        ("key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is not an unencrypted"),
    ],
)
def test_pem_with_something_beside_it(  # noqa: PLR0913, PLR0917 -- pytest's way of parameters
    bundle: CredentialBundle, nodes: Nodes, owner: str, field: str, text: str, message: str
) -> None:
    """A certificate goes to machines, and to all if it is the authority's: a key beside it would, too."""
    pair = bundle.authority if owner == "authority" else bundle.nodes["pg1"]
    value = text.format(
        certificate=pair.certificate,
        key=pair.key.get_secret_value(),
        other=bundle.nodes["pg2"].certificate,
    )
    with pytest.raises(BundleInvalid, match=re.escape(message)) as caught:
        check_bundle(change(bundle, f"{owner}.{field}", value), "sirius", nodes, None)
    assert "SENTINEL" not in f"{caught.value!r} {caught.value} {caught.value.hint}"
    assert "-----" not in str(caught.value)


def test_token_in_upper_case_is_another_token_to_consul(bundle: CredentialBundle, nodes: Nodes) -> None:
    """Consul compares text."""
    upper = bundle.vip_token.secret_id.get_secret_value().upper()
    with pytest.raises(BundleInvalid, match="vip-manager token is not a lower-case UUID"):
        check_bundle(change(bundle, "vip_token.secret_id", upper), "sirius", nodes, None)


def test_token_that_serves_twice(bundle: CredentialBundle, nodes: Nodes) -> None:
    """Rule C5: the original sent its gossip key as token; here not even two tokens agree."""
    shared = bundle.management_token.secret_id
    with pytest.raises(BundleInvalid, match="secret id of the Patroni token is used twice"):
        check_bundle(change(bundle, "patroni_token.secret_id", shared), "sirius", nodes, None)


def test_equal_passwords(bundle: CredentialBundle, nodes: Nodes) -> None:
    """Rule P11."""
    shared = bundle.passwords.superuser
    with pytest.raises(BundleInvalid, match="two passwords are equal"):
        check_bundle(change(bundle, "passwords.rewind", shared), "sirius", nodes, None)


def test_key_of_another_node(bundle: CredentialBundle, nodes: Nodes) -> None:
    """Certificate and key must be a pair."""
    broken = change(bundle, "nodes.pg1.key", bundle.nodes["pg2"].key)
    with pytest.raises(BundleInvalid, match="certificate of pg1 does not belong to its key") as caught:
        check_bundle(broken, "sirius", nodes, None)
    assert caught.value.hint == "holster secrets reissue SPEC pg1"


def test_certificate_of_another_authority(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """Machines of both kinds would refuse each other at the first handshake."""
    other = create_bundle("sirius", nodes, years=10, now=now, entropy=make_entropy("other"))
    broken = bundle.model_copy(update={"nodes": bundle.nodes | {"pg1": other.nodes["pg1"]}})
    with pytest.raises(BundleInvalid, match="certificate of pg1 is not signed by the bundle's authority"):
        check_bundle(broken, "sirius", nodes, None)


def test_authority_of_another_key(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """The next node would get a certificate that nobody trusts."""
    other = create_bundle("sirius", nodes, years=10, now=now, entropy=make_entropy("other"))
    broken = change(bundle, "authority.key", other.authority.key)
    with pytest.raises(BundleInvalid, match="certificate of the authority does not belong to its key"):
        check_bundle(broken, "sirius", nodes, None)


def test_leaf_as_authority(bundle: CredentialBundle, nodes: Nodes) -> None:
    """A certificate that may not sign is no authority."""
    leaf = bundle.nodes["pg1"]
    broken = change(change(bundle, "authority.certificate", leaf.certificate), "authority.key", leaf.key)
    with pytest.raises(BundleInvalid, match="may not sign others"):
        check_bundle(broken, "sirius", nodes, None)


@pytest.mark.parametrize(
    ("index", "changes", "message"),
    [
        (0, {"address": "192.168.11.99"}, r"consul1 .* lacks 192\.168\.11\.99"),
        (0, {"address": "192.168.11.99"}, r"consul1 .* must not hold 192\.168\.11\.191"),
        (0, {"is_server": False}, r"must not hold .*server\.sirius\.consul"),
        (3, {"is_server": True}, r"pg1 \(a Consul server, .* lacks .*server\.sirius\.consul"),
        (0, {"datacenter": "vega"}, r"lacks server\.vega\.consul"),
        (3, {"domain": "example"}, r"lacks client\.sirius\.example"),
    ],
)
def test_node_that_changed_needs_a_new_certificate(  # noqa: PLR0913, PLR0917 -- cases and fixtures
    bundle: CredentialBundle,
    nodes: Nodes,
    now: datetime,
    make_entropy: MakeEntropy,
    index: int,
    changes: dict[str, Any],
    message: str,
) -> None:
    """The error says what does not fit and the command that mends it, and the command does."""
    changed = replace(nodes[index], **changes)
    with pytest.raises(BundleInvalid, match=message) as caught:
        check_bundle(bundle, "sirius", [changed], None)
    assert caught.value.hint == f"holster secrets reissue SPEC {changed.name}"

    mended = reissue_node(bundle, changed, years=10, now=now, entropy=make_entropy("again"))
    assert check_bundle(mended, "sirius", [changed], now) == ()


def test_client_may_move_without_a_new_certificate(bundle: CredentialBundle, nodes: Nodes) -> None:
    """Nobody connects to a client by its address."""
    moved = replace(nodes[3], address="192.168.11.99")
    assert check_bundle(bundle, "sirius", [moved], None) == ()


def test_all_faults_at_once(bundle: CredentialBundle, nodes: Nodes) -> None:
    """One run names everything, and every machine that needs a new certificate."""
    moved = [replace(node, datacenter="vega") for node in nodes[:2]]
    with pytest.raises(BundleInvalid, match="4 faults") as caught:
        check_bundle(bundle, "sirius", moved, None)
    assert caught.value.hint == "holster secrets reissue SPEC NODE, for each of consul1, consul2"


def test_node_without_credentials(bundle: CredentialBundle, nodes: Nodes) -> None:
    """The caller extends first; if not, it is told."""
    with pytest.raises(BundleInvalid, match="nothing for the node pg9"):
        check_bundle(bundle, "sirius", [replace(nodes[3], name="pg9")], None)


def test_postgresql_needs_a_certificate_for_the_new_virtual_address(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """A client that verifies whom it speaks to would be turned away; the hint mends it."""
    moved = [move_vip(node) for node in nodes]
    with pytest.raises(BundleInvalid, match=r"pg1's PostgreSQL lacks 192\.168\.11\.201") as caught:
        check_bundle(bundle, "sirius", moved, None)
    assert "must not hold 192.168.11.200" in str(caught.value)
    assert caught.value.hint == "holster secrets reissue SPEC NODE, for each of pg1, pg2"
    for node in moved:
        bundle = reissue_node(bundle, node, years=10, now=now, entropy=make_entropy(node.name))
    assert check_bundle(bundle, "sirius", moved, now) == ()


def move_vip(node: NodeIdentity) -> NodeIdentity:
    """Return the machine in a cluster with another virtual address."""
    if node.postgresql is None:
        return node
    names = name_postgresql(
        name=node.name, fqdn=f"{node.name}.test", address=node.address, vip="192.168.11.201"
    )
    return replace(node, postgresql=names)


@pytest.mark.parametrize(("kind", "title"), [("postgresql", "PostgreSQL"), ("patroni", "Patroni")])
def test_certificate_and_key_of_a_server_belong_together(
    bundle: CredentialBundle, nodes: Nodes, kind: str, title: str
) -> None:
    """Else it would not start."""
    other = getattr(bundle.nodes["pg2"], kind)
    broken = change(bundle, f"nodes.pg1.{kind}.key", other.key)
    with pytest.raises(BundleInvalid, match=f"pg1's {title} does not belong to its key") as caught:
        check_bundle(broken, "sirius", nodes, None)
    assert caught.value.hint == "holster secrets reissue SPEC pg1"


@pytest.mark.parametrize(("length", "is_short"), [(16, True), (24, True), (32, False)])
def test_short_gossip_key_of_a_running_cluster_is_a_warning(
    bundle: CredentialBundle, nodes: Nodes, length: int, *, is_short: bool
) -> None:
    """Consul runs with them; new bundles never have one."""
    key = {16: "AAAAAAAAAAAAAAAAAAAAAA==", 24: "A" * 32, 32: "A" * 43 + "="}[length]
    warnings = check_bundle(change(bundle, "gossip_key", key), "sirius", nodes, None)
    assert [warning.id for warning in warnings] == ["gossip-key-short"] * is_short


def test_expiry_is_a_warning_on_any_day(bundle: CredentialBundle, nodes: Nodes, now: datetime) -> None:
    """A render must do the same on any day: the clock never makes an error."""

    def check(years: float) -> list[str]:
        later = now + timedelta(days=365 * years)
        return [warning.message for warning in check_bundle(bundle, "sirius", nodes, later)]

    assert check(8.9) == []
    soon = check(9.5)
    assert len(soon) == 5 + 2 * 2
    assert any(line.startswith("the certificate of pg1's PostgreSQL expires in less than") for line in soon)
    assert soon[0] == "the certificate of consul1 expires in less than a year, on 2036-11-20"
    assert check(11)[0] == "the certificate of consul1 expired on 2036-11-20"
    assert "the certificate authority expires in less than a year" in check(19.5)[0]


def test_clock_before_the_making_is_a_warning(bundle: CredentialBundle, nodes: Nodes, now: datetime) -> None:
    """Rule C8: valid since at least a day."""
    warnings = check_bundle(bundle, "sirius", nodes, now - timedelta(hours=1))
    assert len(warnings) == 6 + 2 * 2
    assert "is valid only from 2026-11-22 12:00 UTC" in warnings[0].message
