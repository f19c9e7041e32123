"""Patroni's keys in Consul, as this machine's agent shows them."""

from __future__ import annotations

import json
from base64 import b64decode
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Callable, Mapping, NamedTuple

from generator.node.causes import StageFailed
from generator.node.machine.web import Unreachable

if TYPE_CHECKING:
    from generator.node.facts.node import Patroni
    from generator.node.machine.machine import Machine
    from generator.node.machine.web import Answer

MEMBERS = "members/"


class Key(NamedTuple):
    """A key's value, Consul's index of its last change, and whether a session holds it."""

    value: str
    changed_at: int
    is_held: bool = False


class MemberState(NamedTuple):
    """What a member's Patroni says of itself in Consul; the key goes when its session ends."""

    name: str
    state: str
    role: str

    @property
    def is_idle(self) -> bool:
        """Whether it works at nothing: PostgreSQL is down and nothing is being made."""
        return self.state in {"stopped", "crashed"} or "failed" in self.state

    @property
    def is_empty(self) -> bool:
        """Whether it has no database."""
        return self.role == "uninitialized"


def read_keys(machine: Machine, patroni: Patroni) -> dict[str, Key]:
    """Return all keys of this cluster by name (`initialize`, `members/pg1`), as of one moment.

    Any other answer than keys or none, such as that of a Consul without a leader, says nothing: asked again.

    Raises:
        StageFailed: the deadline came without an answer.
    """
    prefix = patroni.key("")
    url = f"{machine.node.consul.http}/v1/kv/{prefix}?recurse"
    answer = _insist(
        machine, patroni, lambda: machine.web.ask(url, token=patroni.token), HTTPStatus.NOT_FOUND
    )
    items = answer.json() if answer.is_fine else []
    return {item["Key"][len(prefix) :]: _read_item(item) for item in items or []}


def _read_item(item: dict[str, Any]) -> Key:
    # Consul gives values in base64; an empty one is null.
    value = b64decode(item["Value"] or "").decode(errors="replace").strip()
    return Key(value, item["ModifyIndex"], is_held=bool(item.get("Session")))


def read_mapping(keys: Mapping[str, Key], name: str) -> dict[str, Any]:
    """Return what a key holds as JSON; nothing where it is missing or no mapping, as Patroni reads it."""
    try:
        data = json.loads(keys[name].value) if name in keys else {}
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def read_members(keys: Mapping[str, Key]) -> list[MemberState]:
    """Return what the members that Consul knows say of themselves."""
    found = []
    for name in keys:
        if name.startswith(MEMBERS):
            about = read_mapping(keys, name)
            found.append(MemberState(name[len(MEMBERS) :], str(about.get("state")), str(about.get("role"))))
    return found


def delete_key(machine: Machine, patroni: Patroni, name: str, index: int) -> None:
    """Delete a key unless it was changed after `index`; what is lost on the way is sent again.

    Raises:
        StageFailed: the deadline came without an answer.
    """
    url = f"{machine.node.consul.http}/v1/kv/{patroni.key(name)}?cas={index}"
    _insist(machine, patroni, lambda: machine.web.ask(url, method="DELETE", token=patroni.token))


def write_key(machine: Machine, patroni: Patroni, name: str, value: str) -> None:
    """Write a key that no session holds; what is lost on the way is sent again.

    Raises:
        StageFailed: the deadline came without an answer.
    """
    url = f"{machine.node.consul.http}/v1/kv/{patroni.key(name)}"
    _insist(machine, patroni, lambda: machine.web.ask(url, method="PUT", token=patroni.token, body=value))


def _insist(machine: Machine, patroni: Patroni, ask: Callable[[], Answer], *others: int) -> Answer:
    answers: list[Answer] = []

    def probe() -> str | None:
        try:
            answer = ask()
        except Unreachable as error:
            return f"Consul does not answer: {error}"
        if answer.is_fine or answer.status in others:
            answers.append(answer)
            return None
        return f"Consul answers {answer.status} for {patroni.key('')}: {answer.text.strip()[:200]}"

    machine.wait(probe, lambda missing: StageFailed("patroni-waits-for-consul", missing))
    return answers[0]
