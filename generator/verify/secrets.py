"""The secrets of an output: their values, and which machines may have each.

In: the payloads (and the bundle, if it is given).  Out: SecretValues.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from generator.layout import PGPASS, NodePaths
from generator.tools.process import SHORTEST_SECRET
from generator.verify.hcl import HclInvalid, get_block, parse_hcl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generator.credentials.bundle import AclToken, CredentialBundle
    from generator.verify.output import NodeOutput, Output

_PRIVATE_KEY: Final = re.compile(
    rb"-----BEGIN (?:EC |RSA )?PRIVATE KEY-----\s+(.*?)-----END (?:EC |RSA )?PRIVATE KEY-----", re.DOTALL
)
_SECRET_NAME: Final = re.compile(r"(password|secret_id|token|encrypt)$")


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret value.

    Attributes:
        value: never shown.
        title: what it is, in words.
        nodes: the machines that may have it; servers may have every token.
    """

    value: str
    title: str
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class SecretValues:
    """All secrets that could be found; a value has one entry."""

    entries: tuple[Secret, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """The bare values, to be hidden in messages."""
        return tuple(secret.value for secret in self.entries)


def _key_body(pem: bytes) -> str:
    """Return the longest line of a PEM body: it identifies the key however it is indented."""
    lines = [line.strip() for line in pem.split(b"\n")]
    return max(lines, key=len, default=b"").decode("ascii", "replace")


def find_keys(content: bytes) -> list[str]:
    """Return one identifying line for each private key in PEM text."""
    return [
        body for found in _PRIVATE_KEY.findall(content) if len(body := _key_body(found)) >= SHORTEST_SECRET
    ]


def _walk(value: object, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, name)
    elif isinstance(value, str) and _SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET:
        yield value


def _load_values(path: Path) -> Iterator[str]:
    """Yield what stands under a key that names a secret."""
    text = path.read_text("utf-8", "replace")
    parsed: Any = None
    try:
        if path.suffix == ".hcl":
            parsed = parse_hcl(text)
            # Beneath `tokens` every value is one, whatever its key.
            yield from (
                value for value in get_block(parsed, "acl", "tokens").values() if isinstance(value, str)
            )
        elif path.suffix in {".yml", ".yaml"}:
            parsed = yaml.safe_load(text)
        elif path.name == PGPASS:
            yield from (line.rpartition(":")[2] for line in text.splitlines() if not line.startswith("#"))
        elif path.suffix == ".json":
            parsed = json.loads(text)
    except (HclInvalid, yaml.YAMLError, ValueError, RecursionError):
        return  # the syntax check reports it
    yield from _walk(parsed)


class _Collector:
    def __init__(self, output: Output) -> None:
        self.everyone = frozenset(node.name for node in output.nodes)
        self.servers = frozenset(node.name for node in output.nodes if node.is_server)
        self.found: dict[str, Secret] = {}

    def add(self, value: str, title: str, nodes: frozenset[str]) -> None:
        """Note a value; the narrowest circle of machines wins."""
        known = self.found.get(value)
        if known is None or nodes < known.nodes:
            self.found[value] = Secret(value, title, nodes)

    def add_token(self, token: AclToken, title: str, nodes: frozenset[str]) -> None:
        self.add(token.secret_id.get_secret_value(), title, nodes | self.servers)

    def add_node(self, node: NodeOutput) -> None:
        """Note what a machine's payload holds."""
        own = frozenset({node.name})
        for path in node.find_payload("/**/*"):
            for key in find_keys(path.read_bytes()):
                self.add(key, f"the TLS key of {node.name}", own)
            for value in _load_values(path):
                self.add(value, "a secret of the cluster", self.everyone)
        token = (node.facts.get("consul") or {}).get("agent_token")
        if isinstance(token, str):
            self.add(token, f"the agent token of {node.name}", own | self.servers)
        acl = node.payload(NodePaths.acl_json)
        if acl.is_file():
            with suppress(ValueError, KeyError, TypeError):  # the syntax check reports it
                value = str(json.loads(acl.read_bytes())["management_token"]["secret_id"])
                self.add(value, "the management token", self.servers)

    def add_bundle(self, bundle: CredentialBundle) -> None:
        """Note every secret of the bundle, those that are in no payload included."""
        nobody: frozenset[str] = frozenset()
        for key in find_keys(bundle.authority.key.get_secret_value().encode()):
            self.add(key, "the CA key", nobody)
        self.add(bundle.gossip_key.get_secret_value(), "the gossip key", self.everyone)
        self.add(bundle.management_token.secret_id.get_secret_value(), "the management token", self.servers)
        for name in ("patroni_token", "vip_token", "dns_token"):
            self.add_token(getattr(bundle, name), f"the {name.replace('_', ' ')}", self.everyone)
        for name in type(bundle.passwords).model_fields:
            value = getattr(bundle.passwords, name).get_secret_value()
            # Machines get only what PostgreSQL keeps of the superuser's: they come over the socket.
            self.add(value, f"the {name} password", nobody if name == "superuser" else self.everyone)
        for name, node in bundle.nodes.items():
            own = frozenset({name})
            for key in find_keys(node.key.get_secret_value().encode()):
                self.add(key, f"the TLS key of {name}", own)
            servers = {"PostgreSQL": node.postgresql, "Patroni": node.patroni}
            for title, pem in ((title, server.key) for title, server in servers.items() if server):
                for key in find_keys(pem.get_secret_value().encode()):
                    self.add(key, f"the key of {name}'s {title}", own)
            self.add_token(node.agent_token, f"the agent token of {name}", own)


def collect_secrets(output: Output, bundle: CredentialBundle | None) -> SecretValues:
    """Return the secrets of the output; with the bundle also those that no payload has."""
    collector = _Collector(output)
    # The bundle first: it knows what each value is for.
    if bundle is not None:
        collector.add_bundle(bundle)
    for node in output.nodes:
        collector.add_node(node)
    return SecretValues(tuple(collector.found.values()))
