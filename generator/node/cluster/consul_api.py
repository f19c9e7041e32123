"""Ask this machine's Consul agent, and make its ACL policies and tokens.

Secrets travel in a header or a request body, never in an address or a log.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from generator.node.causes import StageFailed
from generator.node.facts.reader import Reader
from generator.node.machine.web import Answer, Unreachable

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

CREATED_BY_ANOTHER = ("already exists", "already in use")


def find_leader(machine: Machine) -> str | None:
    """Return what is missing until the cluster has a leader that this agent reaches, or None."""
    try:
        answer = machine.web.ask(f"{machine.node.consul.http}/v1/status/leader")
    except Unreachable as error:
        return f"the Consul agent does not answer: {error}"
    if not answer.is_fine:
        return f"the Consul agent knows no leader: {answer.text.strip()[:200]}"
    return None if answer.json() else "the Consul servers have no leader yet"


def check_token(machine: Machine, token: str, owner: str) -> str | None:
    """Return what is wrong with a token, or None when Consul knows it."""
    try:
        answer = machine.web.ask(f"{machine.node.consul.http}/v1/acl/token/self", token=token)
    except Unreachable as error:
        return f"the Consul agent does not answer: {error}"
    return None if answer.is_fine else f"the token of {owner} is not known to Consul yet ({answer.status})"


def count_alive(machine: Machine) -> int:
    """Return how many agents are alive, as far as the default token or the agent's own may see them."""
    alive = 0
    for token in (machine.node.consul.agent_token, None):
        answer = machine.web.ask(f"{machine.node.consul.http}/v1/agent/members", token=token)
        members = answer.json() if answer.is_fine else []
        # Status 1 is "alive" (serf).
        alive = max(alive, sum(1 for member in members or [] if member.get("Status") == 1))
        if alive >= machine.node.consul.agents:
            break
    return alive


def leads_raft(machine: Machine) -> bool:
    """Say whether this machine's server leads the Consul servers."""
    try:
        answer = machine.web.ask(f"{machine.node.consul.http}/v1/status/leader")
    except Unreachable:
        return False
    leader = answer.json() if answer.is_fine else None
    return isinstance(leader, str) and leader.rpartition(":")[0] == machine.node.network.address


class AclWriter:
    """Makes policies and tokens; safe when all servers do it at once.

    With `is_new` it makes first and looks only at what turns out to be there.
    """

    def __init__(self, machine: Machine, http: str, token: str, *, is_new: bool) -> None:
        self._machine = machine
        self._http = http
        self._token = token
        self._is_new = is_new

    def _ask(self, path: str, method: str = "GET", body: object | None = None) -> Answer:
        return self._machine.web.ask(
            f"{self._http}/v1/acl/{path}", method=method, token=self._token, body=body
        )

    def _find(self, path: str) -> dict[str, Any] | None:
        """Return a policy or token, or None.

        A missing one answers 403 "ACL not found" or 404, by version (reference §1.4).
        """
        answer = self._ask(path)
        if answer.is_fine:
            found = answer.json()
            return found if isinstance(found, dict) else None
        if answer.status == HTTPStatus.NOT_FOUND or (
            answer.status == HTTPStatus.FORBIDDEN and "not found" in answer.text
        ):
            return None
        raise StageFailed(
            "acl-failed",
            f"{path.split('/', maxsplit=1)[0]}: Consul answered {answer.status}: {answer.text.strip()[:200]}",
        )

    def _put(self, path: str, body: dict[str, Any], what: str) -> bool:
        """Write; return False where another one made it before."""
        answer = self._ask(path, "PUT", body)
        if answer.is_fine:
            return True
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and any(
            words in answer.text for words in CREATED_BY_ANOTHER
        ):
            # Another server was faster; all servers make the same.
            return False
        raise StageFailed(
            "acl-failed", f"{what}: Consul answered {answer.status}: {answer.text.strip()[:200]}"
        )

    def has_tokens(self, accessors: set[str]) -> bool:
        """Say whether all these tokens exist, with one question."""
        answer = self._ask("tokens")
        found = answer.json() if answer.is_fine else None
        return isinstance(found, list) and accessors <= {item.get("AccessorID") for item in found}

    def ensure_policy(self, name: str, description: str, rules: str) -> None:
        """Make a policy, or give it the rules that it should have."""
        body = {"Name": name, "Description": description, "Rules": rules}
        if self._is_new and self._put("policy", body, f"policy {name}"):
            return
        found = self._find(f"policy/name/{name}")
        if found is None:
            self._put("policy", body, f"policy {name}")
        elif found.get("Rules") != rules:
            self._put(f"policy/{found['ID']}", {**body, "ID": found["ID"]}, f"policy {name}")

    def ensure_token(self, accessor: str, secret: str, description: str, policies: list[str]) -> None:
        """Make a token with known ids, or give it the policies that it should have."""
        body = {
            "AccessorID": accessor,
            "SecretID": secret,
            "Description": description,
            "Policies": [{"Name": name} for name in policies],
        }
        if self._is_new and self._put("token", body, f"token {accessor}"):
            return
        found = self._find(f"token/{accessor}")
        if found is None:
            self._put("token", body, f"token {accessor}")
            return
        if found.get("SecretID") not in {secret, None}:
            raise StageFailed(
                "acl-token",
                f"token {accessor} ({description}) exists with another secret: another render made it",
            )
        if sorted(policy.get("Name", "") for policy in found.get("Policies") or []) != sorted(policies):
            self._put(f"token/{accessor}", body, f"token {accessor}")


def parse_acl(text: str | None) -> dict[str, Any]:
    """Return /etc/holster/acl.json.

    Raises:
        StageFailed: it is missing, no JSON, of a version that is not known, or damaged.
    """
    try:
        data = json.loads(text or "")
    except (ValueError, RecursionError):
        raise StageFailed("payload-incomplete", "/etc/holster/acl.json is missing or no JSON") from None
    if not isinstance(data, dict) or data.get("holster_acl") != 1:
        raise StageFailed(
            "node-invalid", "/etc/holster/acl.json has a version that this program does not know"
        )
    problems = _check_acl(data)
    if problems:
        raise StageFailed("payload-incomplete", f"/etc/holster/acl.json is damaged: {'; '.join(problems)}")
    return data


def _check_acl(data: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    reader = Reader(data, "", problems)
    reader.text("http")
    reader.section("management_token").text("secret_id")
    if reader.has("autopilot"):
        reader.section("autopilot").names()
    for policy in reader.sections("policies"):
        for key in ("name", "description"):
            policy.text(key)
        policy.lines("rules")
    for token in reader.sections("tokens"):
        for key in ("accessor_id", "secret_id", "description"):
            token.text(key)
        token.texts("policies")
    return problems
