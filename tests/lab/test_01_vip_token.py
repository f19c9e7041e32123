"""The rights of vip-manager's token against the running Consul: the leader key, and nothing else.

Where vip-manager asks Patroni there is no such token; then policy and token are made
from what a render for the mode `consul` with the same credentials says, and removed again.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from generator.render.consul import list_grants
from generator.resolve.cluster import resolve_cluster
from tests.lab.consul import ask_consul, list_servers
from tests.lab.figures import record
from tests.lab.settle import settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.credentials.bundle import CredentialBundle
    from generator.lab.cluster import Lab
    from generator.lab.machine import VirtualMachine
    from generator.render.consul import AclGrant
    from generator.resolve.cluster import ResolvedCluster

pytestmark = pytest.mark.lab

DENIED = (403, 404)
"""Consul answers 403; what a token may not even know of, some versions answer with 404."""


def find_grant(cluster: ResolvedCluster, bundle: CredentialBundle) -> AclGrant:
    """Return policy and token of vip-manager as Holster renders them for the mode `consul`."""
    spec = cluster.spec
    asking = spec.vip_manager.model_copy(update={"mode": "consul"})
    other = resolve_cluster(spec.model_copy(update={"vip_manager": asking}), cluster.platform)
    return next(grant for grant in list_grants(other, bundle) if grant.name == f"vip-{cluster.name}")


@pytest.fixture
def grant(trio: Lab) -> Iterator[AclGrant]:
    """Return the grant, which Consul knows while the test runs."""
    settle(trio)
    made, machine = find_grant(trio.site.cluster, trio.site.bundle), trio.nodes[list_servers(trio)[0]]
    if trio.site.cluster.vip_mode == "consul":
        yield made
        return
    management = trio.site.bundle.management_token.secret_id.get_secret_value()
    policy = _put(machine, "/v1/acl/policy", management, {"Name": made.name, "Rules": made.rules})
    token: dict[str, object] = {
        "AccessorID": made.token.accessor_id,
        "SecretID": made.token.secret_id.get_secret_value(),
        "Policies": [{"Name": made.name}],
    }
    _put(machine, "/v1/acl/token", management, token)
    yield made
    for path in (f"/v1/acl/token/{made.token.accessor_id}", f"/v1/acl/policy/{policy['ID']}"):
        assert ask_consul(machine, path, method="DELETE", token=management).status == 200


def _put(machine: VirtualMachine, path: str, token: str, body: dict[str, object]) -> dict[str, Any]:
    answer = ask_consul(machine, path, method="PUT", token=token, body=json.dumps(body))
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.data
    return found


def test_vip_token_reads_the_leader_key_and_nothing_else(trio: Lab, grant: AclGrant) -> None:
    """Every other right that would matter is asked for, and refused."""
    machine = trio.nodes[list_servers(trio)[0]]
    secret = grant.token.secret_id.get_secret_value()
    scope = f"service/{trio.site.cluster.spec.cluster}"

    def ask(path: str, method: str = "GET", body: str | None = None) -> tuple[int, str]:
        answer = ask_consul(machine, path, method=method, token=secret, body=body)
        return answer.status, answer.text

    status, text = ask(f"/v1/kv/{scope}/leader")
    assert status == 200
    assert base64.b64decode(json.loads(text)[0]["Value"]).decode() == trio.cluster_view().leader

    refused = [
        (f"/v1/kv/{scope}/leader", "PUT", "somebody"),
        (f"/v1/kv/{scope}/leader", "DELETE", None),
        (f"/v1/kv/{scope}/config", "GET", None),
        (f"/v1/kv/{scope}/initialize", "GET", None),
        (f"/v1/kv/{scope}/members/{trio.cluster_view().leader}", "GET", None),
        ("/v1/kv/elsewhere", "PUT", "anything"),
        ("/v1/session/create", "PUT", "{}"),
        ("/v1/acl/tokens", "GET", None),
        ("/v1/agent/self", "GET", None),
        ("/v1/operator/raft/configuration", "GET", None),
        ("/v1/agent/service/register", "PUT", json.dumps({"Name": trio.site.cluster.spec.cluster})),
    ]
    answers = {f"{method} {path}": ask(path, method, body)[0] for path, method, body in refused}
    assert {what: answer for what, answer in answers.items() if answer not in DENIED} == {}
    # A list shows only what may be read: the one key, and no name of another.
    listed = ask(f"/v1/kv/{scope}/?keys")
    assert listed[0] in DENIED or json.loads(listed[1]) == [f"{scope}/leader"]
    for path in ("/v1/catalog/nodes", "/v1/catalog/services", "/v1/session/list"):
        status, text = ask(path)
        assert status in DENIED or not json.loads(text) or json.loads(text) == {}, path
    # The leader key is what it was.
    assert ask(f"/v1/kv/{scope}/leader")[0] == 200
    record(
        1,
        "vip-manager's token reads the leader key of the running Consul and nothing else",
        {"requests refused": len(answers)},
    )
