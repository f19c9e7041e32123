"""The scan that lab and cluster tests run over whole journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.leaks import find_leaks

if TYPE_CHECKING:
    from generator.credentials.bundle import CredentialBundle


def test_each_kind_of_secret_is_found_and_none_is_shown(bundle: CredentialBundle) -> None:
    """A password, a token, and a line of a key."""
    name, node = next(iter(bundle.nodes.items()))
    text = " ".join(
        (
            f"ALTER ROLE x PASSWORD '{bundle.passwords.rewind.get_secret_value()}'",
            f"token={bundle.vip_token.secret_id.get_secret_value()}",
            node.key.get_secret_value().splitlines()[1],
            bundle.management_token.accessor_id,
        )
    )
    found = find_leaks(bundle, text)
    assert found == sorted(
        ["bundle.passwords.rewind", "bundle.vip_token.secret_id", f"bundle.nodes.{name}.key"]
    )
    assert find_leaks(bundle, "-----BEGIN PRIVATE KEY----- nothing") == []
