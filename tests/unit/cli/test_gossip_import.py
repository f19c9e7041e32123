"""`holster secrets import`: the key of a running cluster, at the start and after a rotation."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Called

    Holster = Callable[..., Called]


def write_keyring(length: int, fill: int) -> str:
    """Write a keyring and return its key."""
    key = b64encode(bytes([fill]) * length).decode()
    Path("local.keyring").write_text(f'["{key}"]')
    return key


def load() -> dict[str, Any]:
    """Return the bundle's data."""
    data: dict[str, Any] = yaml.safe_load(Path("secrets/sirius.yaml").read_text())
    return data


def test_rotated_key_replaces_the_old_one_and_nothing_else(holster: Holster, sirius: Path) -> None:
    """docs/secrets.md: rotate on the running cluster, then import; a new bundle would end the cluster."""
    write_keyring(32, 1)
    assert holster("secrets", "import", str(sirius), "local.keyring").code == 0
    before = load()
    key = write_keyring(32, 2)
    refused = holster("secrets", "import", str(sirius), "local.keyring")
    assert refused.code == 2
    assert "--replace" in refused.err
    assert load() == before
    replaced = holster("secrets", "import", "--replace", str(sirius), "local.keyring")
    assert replaced.code == 0, replaced.err
    assert key not in replaced.err + replaced.out
    assert load() == {**before, "gossip_key": key}


def test_same_key_again_changes_nothing(holster: Holster, sirius: Path) -> None:
    """An import can be repeated."""
    write_keyring(32, 1)
    assert holster("secrets", "import", str(sirius), "local.keyring").code == 0
    before = Path("secrets/sirius.yaml").stat().st_mtime_ns
    assert holster("secrets", "import", str(sirius), "local.keyring").code == 0
    assert Path("secrets/sirius.yaml").stat().st_mtime_ns == before


def test_short_key_is_taken_with_a_warning(holster: Holster, sirius: Path) -> None:
    """At the import, not only at the next render."""
    write_keyring(16, 1)
    called = holster("secrets", "import", str(sirius), "local.keyring")
    assert called.code == 0, called.err
    assert "the gossip key has 16 bytes" in called.err


def test_bundle_of_another_cluster_keeps_its_key(holster: Holster, sirius: Path) -> None:
    """Also with --replace."""
    write_keyring(32, 1)
    assert holster("secrets", "import", str(sirius), "local.keyring").code == 0
    before = load()
    sirius.write_text(sirius.read_text().replace("cluster: sirius", "cluster: vega"))
    write_keyring(32, 2)
    called = holster(
        "secrets", "import", "--replace", "--secrets", "secrets/sirius.yaml", str(sirius), "local.keyring"
    )
    assert called.code == 1
    assert load() == before
