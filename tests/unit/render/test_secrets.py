"""Who gets which secret: a machine only its own, files with secrets marked, the authority's key nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.render.conftest import Render, Rendered

EXAMPLES = ("sirius", "single", "trio")


def holders(rendered: Rendered, secret: str) -> set[str]:
    """Return the paths of the files that hold `secret`, as it is or with its lines indented or escaped."""
    needle = secret.strip().splitlines()[len(secret.strip().splitlines()) // 2].encode()
    assert len(needle) >= 16
    return {path for path, file in rendered.files.items() if needle in file.content}


def machines(paths: set[str]) -> set[str]:
    """Return the machines to which the files belong."""
    assert all(path.startswith("nodes/") for path in paths)
    return {path.split("/")[1] for path in paths}


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_authoritys_key_reaches_no_machine(render: Render, example: str) -> None:
    """Who has it can make certificates for any server."""
    rendered = render(example)
    assert holders(rendered, rendered.bundle.authority.key.get_secret_value()) == set()


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_machine_has_its_own_key_only(render: Render, example: str) -> None:
    """In its payload and in the user-data that delivers it."""
    rendered = render(example)
    members = {peer.name for peer in rendered.cluster.members}
    for name, own in rendered.bundle.nodes.items():
        assert holders(rendered, own.key.get_secret_value()) == {
            f"nodes/{name}/payload/etc/consul.d/tls/agent.key",
            f"nodes/{name}/user-data",
        }
        assert (own.postgresql is not None) == (name in members)
        if own.postgresql is not None:
            assert holders(rendered, own.postgresql.key.get_secret_value()) == {
                f"nodes/{name}/payload/etc/holster/tls/server.key",
                f"nodes/{name}/user-data",
            }
        assert (own.patroni is not None) == (name in members)
        if own.patroni is not None:
            assert holders(rendered, own.patroni.key.get_secret_value()) == {
                f"nodes/{name}/payload/etc/holster/tls/patroni.key",
                f"nodes/{name}/user-data",
            }


@pytest.mark.parametrize("example", EXAMPLES)
def test_agent_tokens_are_with_their_machine_and_the_servers(render: Render, example: str) -> None:
    """Servers create the tokens of all; nobody else has another machine's."""
    rendered = render(example)
    servers = {peer.name for peer in rendered.cluster.servers}
    for name, own in rendered.bundle.nodes.items():
        found = machines(holders(rendered, own.agent_token.secret_id.get_secret_value()))
        assert found == servers | {name}


@pytest.mark.parametrize("example", EXAMPLES)
def test_passwords_are_on_members_only(render: Render, example: str) -> None:
    """A Consul server has no use for them; Patroni has none that it could put into SQL."""
    rendered = render(example)
    passwords, members = rendered.bundle.passwords, {peer.name for peer in rendered.cluster.members}
    config = rendered.cluster.platform.paths.patroni_config.rpartition("/")[2]
    for secret, file in (
        (passwords.rest, config),
        (passwords.replication, ".pgpass_patroni"),
        (passwords.rewind, ".pgpass_patroni"),
    ):
        found = holders(rendered, secret.get_secret_value())
        assert machines(found) == members
        assert {path.rpartition("/")[2] for path in found} == {"user-data", file}
    # Patroni comes over the socket; what PostgreSQL keeps of it stands in roles.sql.
    assert holders(rendered, passwords.superuser.get_secret_value()) == set()


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_file_with_a_secret_is_marked(render: Render, example: str) -> None:
    """Marked files are written 0600 and never shown; on the node nobody else reads them."""
    rendered = render(example)
    bundle = rendered.bundle
    secrets = [
        bundle.gossip_key,
        bundle.management_token.secret_id,
        bundle.patroni_token.secret_id,
        bundle.vip_token.secret_id,
        bundle.dns_token.secret_id,
        bundle.passwords.superuser,
        bundle.passwords.replication,
        bundle.passwords.rewind,
        bundle.passwords.rest,
        *(own.key for own in bundle.nodes.values()),
        *(own.postgresql.key for own in bundle.nodes.values() if own.postgresql),
        *(own.patroni.key for own in bundle.nodes.values() if own.patroni),
        *(own.agent_token.secret_id for own in bundle.nodes.values()),
    ]
    found = {path for secret in secrets for path in holders(rendered, secret.get_secret_value())}
    for path, file in rendered.files.items():
        if path in found:
            assert file.is_secret, path
            assert file.mode is None or file.mode & 0o007 == 0, path
    marked = {path for path, file in rendered.files.items() if file.is_secret}
    # In patroni mode vip-manager has no token; roles.sql holds verifiers: both stay closed all the same.
    others = ("/vip-manager.yml", "/roles.sql")
    assert {path for path in marked - found if not path.endswith(others)} == set()


def test_a_rendered_tree_can_be_printed_without_its_secrets(render: Render) -> None:
    """A debugger, a log line or a failed assertion shows paths and sizes, no content."""
    rendered = render()
    shown = repr(rendered.tree)
    assert rendered.bundle.passwords.superuser.get_secret_value() not in shown
