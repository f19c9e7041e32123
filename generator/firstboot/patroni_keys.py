"""Patroni's keys in Consul, as this machine's agent shows them."""

from __future__ import annotations

from base64 import b64decode
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from generator.firstboot.causes import StageFailed
from generator.firstboot.web import Unreachable

if TYPE_CHECKING:
    from generator.firstboot.machine import Machine
    from generator.firstboot.node import Patroni
    from generator.firstboot.web import Answer


class Key(NamedTuple):
    """A key's value, and Consul's index of its last change."""

    value: str
    changed_at: int


def read_key(machine: Machine, patroni: Patroni, name: str) -> Key | None:
    """Return a key of this cluster (`initialize`, `leader`), or None when Consul says that there is none.

    Any other answer, such as that of a Consul without a leader, says nothing about the key: asked again.

    Raises:
        StageFailed: the deadline came without an answer.
    """
    answers: list[Answer] = []

    def probe() -> str | None:
        try:
            answer = machine.web.ask(_url(machine, patroni, name), token=patroni.token)
        except Unreachable as error:
            return f"Consul does not answer: {error}"
        if answer.is_fine or answer.status == HTTPStatus.NOT_FOUND:
            answers.append(answer)
            return None
        return f"Consul answers {answer.status} for {patroni.key(name)}: {answer.text.strip()[:200]}"

    machine.wait(probe, lambda missing: StageFailed("patroni-waits-for-consul", missing))
    if not answers[0].is_fine:
        return None
    found = answers[0].json()[0]
    # Consul gives values in base64; an empty one is null.
    return Key(b64decode(found["Value"] or "").decode(errors="replace").strip(), found["ModifyIndex"])


def delete_key(machine: Machine, patroni: Patroni, name: str, index: int) -> None:
    """Delete a key unless it was changed after `index`.

    Raises:
        Unreachable: Consul does not answer.
    """
    url = f"{_url(machine, patroni, name)}?cas={index}"
    machine.web.ask(url, method="DELETE", token=patroni.token)


def _url(machine: Machine, patroni: Patroni, name: str) -> str:
    return f"{machine.node.consul.http}/v1/kv/{patroni.key(name)}"
