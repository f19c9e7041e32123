"""Stage acl: policies, tokens and settings of the servers; they make them, everyone waits for their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, Sequence

from generator.node.causes import StageFailed
from generator.node.cluster.autopilot import ensure_autopilot
from generator.node.cluster.consul_api import AclWriter, check_token, find_leader, leads_raft, parse_acl
from generator.node.facts.node import ACL_JSON
from generator.node.machine.web import Unreachable
from generator.node.stage import Stage

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine


# How long the other servers wait for the one that leads, in seconds.
HEAD_START = 20.0
AT_ONCE = 4


class AclStage(Stage):
    """Make what `acl.json` lists, idempotently and in competition with the other servers."""

    name = "acl"
    deadline = 900
    failure = "acl-failed"
    hints = {
        "node-invalid": "render the payload again with the same release of Holster as the program on this machine",
        "acl-token": "the servers have not made the tokens yet, or payloads of different renders were mixed",
        "acl-policy": "a policy does not allow what is needed: deliver payloads of one render to all machines",
        "acl-failed": "look at `journalctl -u consul` on the leader",
        "consul-settings": "look at `journalctl -u consul` on the leader; the settings are read with `consul operator autopilot get-config`",
    }

    def check(self, machine: Machine) -> bool:
        """Machines without `acl.json` only wait; servers compare, since policies may have changed."""
        return not machine.node.is_server and _find_missing(machine) is None

    def apply(self, machine: Machine) -> None:
        """On servers: make all policies and tokens, then set what Consul keeps of the servers themselves."""
        if not machine.node.is_server:
            return
        data = parse_acl(machine.fs.read(ACL_JSON))
        _make_tokens(machine, data)
        http, secret = data["http"].rstrip("/"), data["management_token"]["secret_id"]
        # A payload of an older render names no settings.
        wanted = data.get("autopilot", {})
        machine.wait(
            lambda: ensure_autopilot(machine, http, secret, wanted),
            lambda missing: StageFailed("consul-settings", missing),
        )

    def confirm(self, machine: Machine) -> None:
        """Wait until this machine's own tokens are known to its agent."""
        unit = machine.node.units.consul
        machine.wait(
            lambda: _find_missing(machine),
            lambda missing: machine.explain("consul", unit, "acl-token", missing),
        )


def _make_tokens(machine: Machine, data: dict[str, Any]) -> None:
    """Make all policies and tokens; repeated until Consul took all of them."""
    secret = data["management_token"]["secret_id"]
    is_missing = _find_missing(machine) is not None
    is_new = is_missing and _let_leader_begin(machine)
    writer = AclWriter(machine, data["http"].rstrip("/"), secret, is_new=is_new)
    if is_missing and not is_new and _are_made(writer, data["tokens"]):
        # The leader has just made everything, the tokens last.
        return

    def probe() -> str | None:
        missing = find_leader(machine) or check_token(machine, secret, "the management")
        if missing is not None:
            return missing
        try:
            # Several at a time: each waits for the other servers' disks. Tokens name policies.
            _do_all(writer.ensure_policy, data["policies"], ("name", "description", "rules"))
            _do_all(
                writer.ensure_token,
                data["tokens"],
                ("accessor_id", "secret_id", "description", "policies"),
            )
        except (StageFailed, Unreachable) as error:
            # A change of leader in between is no failure; a lasting one is, at the deadline.
            return str(error)
        return None

    machine.wait(probe, lambda missing: StageFailed("acl-failed", missing))


def _are_made(writer: AclWriter, tokens: Sequence[dict[str, Any]]) -> bool:
    try:
        return writer.has_tokens({token["accessor_id"] for token in tokens})
    except Unreachable:
        # Then they are made or compared one by one, with patience.
        return False


def _do_all(ensure: Callable[..., None], items: Sequence[dict[str, Any]], keys: Sequence[str]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(ensure, *(item[key] for key in keys)) for item in items]:
            done.result()


def _let_leader_begin(machine: Machine) -> bool:
    """Give the server that leads a head start; return whether nothing seems to be made even then.

    All servers may make everything at once, but each request costs all of them time.
    """
    latest = min(machine.clock.steady() + HEAD_START, machine.deadline)
    while not leads_raft(machine) and machine.clock.steady() < latest:
        machine.clock.sleep(1.0)
        if _find_missing(machine) is None:
            return False
    return True


def own_tokens(machine: Machine) -> list[tuple[str, str]]:
    """Return (token, owner) of everything on this machine that speaks to Consul."""
    node = machine.node
    tokens = [(node.consul.agent_token, "the Consul agent")]
    if node.patroni:
        tokens.append((node.patroni.token, "Patroni"))
    if node.vip and node.vip.token:
        tokens.append((node.vip.token, "vip-manager"))
    return tokens


def _find_missing(machine: Machine) -> str | None:
    words = [check_token(machine, token, owner) for token, owner in own_tokens(machine)]
    return next((text for text in words if text), None)
