"""Clusters to render: the examples, changed at will, with credentials from fixed entropy."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import yaml

from generator.credentials.bundle import create_bundle
from generator.platforms.profile import load_profile
from generator.render.tree import render_cluster
from generator.resolve.cluster import resolve_cluster
from generator.resolve.peers import list_identities
from generator.spec.model import ClusterSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from generator.credentials.bundle import CredentialBundle
    from generator.resolve.cluster import ResolvedCluster

ROOT = Path(__file__).resolve().parents[3]
VERSION = "0.0.0"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fixed_entropy() -> Callable[[int], bytes]:
    """Return a source of the same bytes in every run: worthless as a secret."""

    def stream() -> Iterator[int]:
        counter = 0
        while True:
            yield from sha256(f"holster test {counter}".encode()).digest()
            counter += 1

    numbers = stream()
    return lambda size: bytes(next(numbers) for _ in range(size))


@cache
def read_example(name: str) -> dict[str, Any]:
    """Return the data of an example."""
    data: dict[str, Any] = yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text("utf-8"))
    return data


def change(data: dict[str, Any], path: str, value: object) -> None:
    """Set `data[a][b]` for the path "a.b"; a number is an index."""
    *above, last = path.split(".")
    place: Any = data
    for part in above:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    place[int(last) if isinstance(place, list) else last] = value


_BUNDLES: dict[tuple[object, ...], CredentialBundle] = {}


def make_bundle(spec: ClusterSpec) -> CredentialBundle:
    """Return the secrets of a cluster, the same ones each time."""
    identities = tuple(list_identities(spec))
    key = (spec.cluster, identities)
    if key not in _BUNDLES:
        _BUNDLES[key] = create_bundle(spec.cluster, identities, years=10, now=NOW, entropy=fixed_entropy())
    return _BUNDLES[key]


def make_cluster(example: str = "sirius", changes: dict[str, Any] | None = None) -> ResolvedCluster:
    """Return an example as a resolved cluster, with `changes` by dotted path."""
    data = copy.deepcopy(read_example(example))
    for path, value in (changes or {}).items():
        change(data, path, value)
    spec = ClusterSpec.model_validate(data)
    return resolve_cluster(spec, load_profile(spec.platform, spec.platform_overrides))


class Rendered:
    """A rendered tree that is easy to question."""

    def __init__(self, cluster: ResolvedCluster) -> None:
        self.cluster = cluster
        self.bundle = make_bundle(cluster.spec)
        self.tree = render_cluster(cluster, self.bundle, tool_version=VERSION)
        self.files = {str(file.path): file for file in self.tree.files}

    def text(self, path: str) -> str:
        """Return the text of a file of the output."""
        return self.files[path].content.decode()

    def payload(self, node: str, path: str) -> str:
        """Return the text of a payload file."""
        return self.text(f"nodes/{node}/payload{path}")

    def document(self, node: str, path: str) -> Any:
        """Return a payload file parsed as YAML, of which JSON is a part."""
        return yaml.safe_load(self.payload(node, path))


class Render(Protocol):
    """Renders an example with changes by dotted path."""

    def __call__(self, example: str = "sirius", changes: dict[str, Any] | None = None) -> Rendered:
        """Return the rendered tree."""


@pytest.fixture
def render() -> Render:
    """Return a function that renders an example, changed by dotted paths."""
    return lambda example="sirius", changes=None: Rendered(make_cluster(example, changes))


@pytest.fixture
def resolve() -> Callable[..., ResolvedCluster]:
    """Return a function that resolves an example, changed by dotted paths."""
    return make_cluster
