"""A damaged bundle: words, always, and never a secret in them."""

from __future__ import annotations

import json
import os
import warnings
from base64 import b64decode, b64encode
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from generator.credentials.bundle import extend_bundle
from generator.credentials.certificates import rewrite_certificate, rewrite_key
from generator.credentials.check import check_bundle
from generator.credentials.document import format_bundle, parse_bundle
from generator.credentials.redact import redact_bundle
from generator.credentials.store import load_bundle
from generator.errors import BundleInvalid
from tests.fakes.damage import damage_bytes, damage_data, make_draw

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from random import Random

    from generator.credentials.bundle import CredentialBundle, NodeIdentity

    MakeEntropy = Callable[[str], Callable[[int], bytes]]
    Nodes = tuple[NodeIdentity, ...]

ROUNDS = 300


def use(text: bytes, nodes: Nodes, now: datetime, entropy: Callable[[int], bytes]) -> str:
    """Do with a bundle what the commands do; return the words of a refusal, empty where it is used."""
    try:
        bundle = parse_bundle(text, "secrets/sirius.yaml")
        json.dumps(redact_bundle(bundle))
        held = [node for node in nodes if node.name in bundle.nodes]
        check_bundle(bundle, "sirius", held, now)
        format_bundle(extend_bundle(bundle, nodes, years=2, now=now, entropy=entropy))
    except BundleInvalid as error:
        return f"{error} {error.hint}"
    rewrite_certificate(bundle.authority.certificate)
    for node in held:
        rewrite_certificate(bundle.nodes[node.name].certificate)
        rewrite_key(bundle.nodes[node.name].key.get_secret_value())
    return ""


@pytest.mark.parametrize("kind", ["bytes", "data", "PEM"])
def test_damage_never_ends_in_a_traceback(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy, kind: str
) -> None:
    """Mutations of bytes, of structure and types, and of what the certificates hold.  JSON is YAML."""
    draw, entropy = make_draw(kind), make_entropy("damage")
    whole = format_bundle(bundle)
    assert use(whole, nodes, now, entropy) == ""
    data = yaml.safe_load(whole)
    secret = bundle.passwords.superuser.get_secret_value()
    refused = 0
    with warnings.catch_warnings():
        # The library warns of certificates that only damage could make.
        warnings.simplefilter("ignore")
        for _ in range(ROUNDS):
            if kind == "bytes":
                text = damage_bytes(draw, whole)
            elif kind == "data":
                changed = deepcopy(data)
                damage_data(draw, changed)
                text = json.dumps(changed, indent=1).encode()
            else:
                changed = deepcopy(data)
                damage_pem(draw.choice([changed["authority"], changed["nodes"]["pg1"]]), draw)
                text = json.dumps(changed).encode()
            words = use(text, nodes, now, entropy)
            refused += bool(words)
            assert secret not in words
            assert "PRIVATE KEY--" not in words
    assert refused > ROUNDS / 3


def damage_pem(pair: dict[str, str], draw: Random) -> None:
    """Change bytes below the base64 of a certificate or a key."""
    name = draw.choice(["certificate", "key"])
    head, *lines, tail, _ = pair[name].split("\n")
    content = bytearray(b64decode("".join(lines)))
    for _ in range(draw.choice([1, 1, 2, 5])):
        content[draw.randrange(len(content))] = draw.randrange(256)
    if draw.random() < 0.2:
        del content[draw.randrange(len(content)) :]
    pair[name] = "\n".join([head, b64encode(content).decode(), tail, ""])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{a: " * 1_000_000, "more than 8 levels"),
        (b"[" * 1_000_000, "has a list"),
        (b"a: &a [x]\nb: &b [*a, *a]\n", "anchor or an alias"),
        (b"a: &a {x: y}\nb: {<<: *a}\n", "anchor or an alias"),
        (b"a: 1\n\0", "is not YAML"),
        (b"\xff\xfeh\0", "is not a credential bundle"),
        (bytes(5000), "is not YAML"),
    ],
)
def test_bombs(text: bytes, message: str) -> None:
    """Refused before anything grows; the C library's composer would die of the first."""
    with pytest.raises(BundleInvalid, match=message):
        parse_bundle(text, "x")


def test_another_encoding_is_read_or_refused(
    bundle: CredentialBundle, nodes: Nodes, now: datetime, make_entropy: MakeEntropy
) -> None:
    """An editor that writes a byte order mark does no harm; YAML knows UTF-16, too."""
    text = format_bundle(bundle)
    for encoding in ("utf-8-sig", "utf-16"):
        assert parse_bundle(text.decode().encode(encoding), "x") == bundle
    assert "is not" in use(text.decode().encode("utf-32"), nodes, now, make_entropy("x"))


def test_devices_and_huge_files_are_not_read(tmp_path: Path) -> None:
    """/dev/zero never ends, and a sparse file of a terabyte is no bundle."""
    sparse = tmp_path / "sparse.yaml"
    sparse.touch(0o600)
    os.truncate(sparse, 1 << 40)
    with pytest.raises(BundleInvalid, match="is too large for a bundle"):
        load_bundle(sparse)
    for device in ("/dev/zero", "/dev/full", "/proc/self/mem"):
        with pytest.raises(BundleInvalid):
            load_bundle(Path(device))
