"""Making, extending and reissuing: a function of clock and entropy, and nothing is remade."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from generator.credentials.bundle import (
    CredentialBundle,
    create_bundle,
    draw_password,
    extend_bundle,
    reissue_node,
)
from generator.credentials.certificates import parse_certificate
from generator.credentials.document import format_bundle, parse_bundle
from generator.errors import BundleInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from generator.credentials.bundle import AclToken, NodeIdentity

    MakeEntropy = Callable[[str], Callable[[int], bytes]]
    Nodes = tuple[NodeIdentity, ...]


def list_tokens(bundle: CredentialBundle) -> list[AclToken]:
    """Return every token of the bundle."""
    return [
        bundle.management_token,
        bundle.patroni_token,
        bundle.vip_token,
        bundle.dns_token,
        *(node.agent_token for node in bundle.nodes.values()),
    ]


def test_same_entropy_and_clock_same_bundle(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """Deterministic signatures included: the certificates are the same bytes."""
    again = create_bundle("sirius", nodes, years=10, now=now, entropy=make_entropy("test"))
    assert again == bundle


def test_other_entropy_shares_nothing(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """No secret is a constant or follows from names."""
    other = create_bundle("sirius", nodes, years=10, now=now, entropy=make_entropy("other"))
    assert set(reveal(other)).isdisjoint(reveal(bundle))


def reveal(bundle: CredentialBundle) -> list[str]:
    """Return all secrets in the clear."""
    return [
        bundle.gossip_key.get_secret_value(),
        bundle.authority.key.get_secret_value(),
        *(token.secret_id.get_secret_value() for token in list_tokens(bundle)),
        *(getattr(bundle.passwords, name).get_secret_value() for name in type(bundle.passwords).model_fields),
        *(node.key.get_secret_value() for node in bundle.nodes.values()),
    ]


def test_all_secrets_are_distinct(bundle: CredentialBundle) -> None:
    """A token used twice would give one program the rights of another."""
    secrets = reveal(bundle) + [token.accessor_id for token in list_tokens(bundle)]
    assert len(set(secrets)) == len(secrets)


def test_shapes(bundle: CredentialBundle) -> None:
    """What Consul and PostgreSQL expect of each kind."""
    assert len(b64decode(bundle.gossip_key.get_secret_value(), validate=True)) == 32
    for token in list_tokens(bundle):
        for text in (token.accessor_id, token.secret_id.get_secret_value()):
            assert UUID(text).version == 4
            assert str(UUID(text)) == text
    for name in type(bundle.passwords).model_fields:
        password = getattr(bundle.passwords, name).get_secret_value()
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]{23}", password)


def test_passwords_use_the_whole_alphabet_evenly(make_entropy: MakeEntropy) -> None:
    """A modulo over bytes would favour the first eight characters by a quarter."""
    entropy = make_entropy("many")
    text = "".join(draw_password(entropy).get_secret_value()[1:] for _ in range(800))
    counts = {character: text.count(character) for character in set(text)}
    assert len(counts) == 62
    mean = len(text) / 62
    first = sum(counts[character] for character in "abcdefgh") / 8
    assert 0.9 * mean < first < 1.1 * mean
    assert max(counts.values()) < 1.3 * mean


def test_gossip_key_of_a_running_cluster_is_kept(
    nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """Import: the machines that run already keep their key."""
    key = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="
    made = create_bundle("s", nodes, years=2, now=now, entropy=make_entropy("x"), gossip_key=key)
    assert made.gossip_key.get_secret_value() == key


def test_extend_returns_the_same_object_when_nothing_is_missing(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """The store writes nothing then; a node that left the spec changes nothing either."""
    for present in (nodes, nodes[:2], ()):
        assert extend_bundle(bundle, present, years=10, now=now, entropy=make_entropy("x")) is bundle


def test_extend_adds_the_new_node_and_touches_nothing_else(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """Machines that run keep what they have."""
    new = replace(nodes[4], name="pg3", address="192.168.11.183")

    extended = extend_bundle(
        bundle, (*nodes, new), years=10, now=now + timedelta(days=400), entropy=make_entropy("later")
    )

    assert extended.model_copy(update={"nodes": bundle.nodes}) == bundle
    assert {name: extended.nodes[name] for name in bundle.nodes} == bundle.nodes
    assert list(extended.nodes) == [*bundle.nodes, "pg3"]
    secrets = reveal(extended)
    assert len(set(secrets)) == len(secrets)


@pytest.mark.parametrize("lacking", [("patroni",), ("postgresql", "patroni")])
def test_a_bundle_of_before_servers_had_certificates_gets_them_and_nothing_else_changes(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy, lacking: tuple[str, ...]
) -> None:
    """Bundles outlive releases: an old file still loads, is written back as it is, and only grows."""
    gone = dict.fromkeys(lacking)
    old = bundle.model_copy(
        update={"nodes": {name: own.model_copy(update=gone) for name, own in bundle.nodes.items()}}
    )
    text = format_bundle(old)
    assert not [name for name in lacking if f"    {name}:\n".encode() in text]
    loaded = parse_bundle(text, "old.yaml")
    assert loaded == old

    extended = extend_bundle(loaded, nodes, years=10, now=now, entropy=make_entropy("later"))

    lines = iter(format_bundle(extended).splitlines())
    # Each line of the old file is there, in the old order.
    assert all(line in lines for line in text.splitlines())
    for kind in lacking:
        made = {name for name, own in extended.nodes.items() if getattr(own, kind) is not None}
        assert made == {"pg1", "pg2"}
    assert extend_bundle(extended, nodes, years=10, now=now, entropy=make_entropy("x")) is extended


def test_late_node_gets_its_full_lifetime_but_never_outlives_the_authority(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """A leaf that outlives its authority only looks valid."""
    until = parse_certificate(bundle.authority.certificate).not_valid_after_utc
    new = replace(nodes[4], name="pg3")

    def extend(years_later: int) -> datetime:
        later = now + timedelta(days=365 * years_later)
        made = extend_bundle(bundle, [new], years=10, now=later, entropy=make_entropy("later"))
        return parse_certificate(made.nodes["pg3"].certificate).not_valid_after_utc

    assert extend(9) - (now + timedelta(days=365 * 9)) > timedelta(days=3649)
    assert extend(15) < until


def test_reissue_replaces_key_and_certificate_and_keeps_the_token(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """The token lives on in Consul; everything else of everybody else stays."""
    moved = replace(nodes[0], address="192.168.11.99")

    made = reissue_node(bundle, moved, years=10, now=now, entropy=make_entropy("again"))
    member = reissue_node(bundle, nodes[3], years=10, now=now, entropy=make_entropy("again")).nodes["pg1"]

    assert member.postgresql is not None
    assert member.postgresql != bundle.nodes["pg1"].postgresql
    assert member.patroni is not None
    assert member.patroni != bundle.nodes["pg1"].patroni
    assert made.nodes["consul1"].postgresql is made.nodes["consul1"].patroni is None
    assert made.nodes["consul1"].agent_token == bundle.nodes["consul1"].agent_token
    assert made.nodes["consul1"].key != bundle.nodes["consul1"].key
    assert made.nodes["consul1"].certificate != bundle.nodes["consul1"].certificate
    assert made.model_copy(update={"nodes": bundle.nodes}) == bundle
    assert all(made.nodes[name] == bundle.nodes[name] for name in bundle.nodes if name != "consul1")


def test_reissue_of_an_unknown_node(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """A mistyped name must not add a node."""
    with pytest.raises(BundleInvalid, match="has no node pg9"):
        reissue_node(bundle, replace(nodes[0], name="pg9"), years=10, now=now, entropy=make_entropy("x"))


def test_broken_authority_is_named_without_its_text(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """Extending needs the authority's key; a damaged one is no traceback."""
    data: dict[str, Any] = bundle.model_dump()
    data["authority"]["key"] = "not a key but SENTINEL"
    broken = CredentialBundle.model_validate(data)
    with pytest.raises(BundleInvalid) as caught:
        extend_bundle(broken, [replace(nodes[0], name="new")], years=2, now=now, entropy=make_entropy("x"))
    assert "certificate authority" in str(caught.value)
    assert "SENTINEL" not in repr(caught.value)


def test_real_entropy_works(nodes: Nodes) -> None:
    """As the command line calls it."""
    made = create_bundle("s", nodes, years=2, now=datetime.now(UTC), entropy=os.urandom)
    assert len(set(reveal(made))) == len(reveal(made))
