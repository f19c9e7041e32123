"""Give the running Consul servers the autopilot settings of the payload.

Consul reads `autopilot` of its configuration when a cluster is made, and never again: a
cluster that runs learns a new setting over the interface for operators only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from generator.node.machine.web import Unreachable

if TYPE_CHECKING:
    from generator.node.machine.machine import Machine

PATH = "/v1/operator/autopilot/configuration"
# What Consul says of the record itself, not a setting.
RECORD = ("CreateIndex", "ModifyIndex")


class _NotYet(Exception):
    """Consul did not do it now; the message says what it answered."""


def ensure_autopilot(machine: Machine, http: str, token: str, wanted: Mapping[str, Any]) -> str | None:
    """Set what is wanted; return None when Consul has it, else what is missing until then.

    Settings that are not named stay as an operator left them.  Safe to repeat, and when all
    servers do it at once: each writes only over what it has read.

    Args:
        machine: the machine, a Consul server.
        http: the address of its agent.
        token: the management token.
        wanted: setting -> value, in the words of Consul's interface.
    """
    if not wanted:
        return None
    try:
        found = _ask(machine, f"{http}{PATH}", token)
        if _has(found, wanted):
            return None
        settings = {key: value for key, value in found.items() if key not in RECORD}
        place = f"{http}{PATH}?cas={found['ModifyIndex']}"
        _ask(machine, place, token, body={**settings, **wanted})
        # What counts is what Consul has, not what it answered.
        found = _ask(machine, f"{http}{PATH}", token)
    except (_NotYet, Unreachable) as error:
        return f"autopilot of the Consul servers: {error}"
    return None if _has(found, wanted) else "autopilot of the Consul servers: changed by another one"


def _ask(machine: Machine, url: str, token: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read the settings, or write them; the answer to a write is of no use.

    Raises:
        _NotYet: refused, no leader, or an answer that is no record of settings.
        Unreachable: the agent does not answer.
    """
    answer = machine.web.ask(url, method="GET" if body is None else "PUT", token=token, body=body)
    if not answer.is_fine:
        raise _NotYet(f"Consul answered {answer.status}: {answer.text.strip()[:200]}")
    if body is not None:
        return body
    found = answer.json()
    if not isinstance(found, dict) or "ModifyIndex" not in found:
        raise _NotYet(f"Consul's answer is no record of settings: {answer.text.strip()[:200]}")
    return found


def _has(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(key in found and found[key] == value for key, value in wanted.items())
