"""A small valid spec as text, and small changes to it.  Used by tests of the spec and of the platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.check import check_spec
from generator.errors import SpecInvalid

if TYPE_CHECKING:
    from generator.diagnostics import Problem

VALID = """\
holster: 1
cluster: demo
durability: synchronous
network:
  prefix: 10.20.0.0/24
  interface: eth0
vip: 10.20.0.100
storage:
  data: {disk: {serial: data-1}, disk_size: 20GiB}
  wal: {disk: {serial: wal-1}, disk_size: 4GiB}
groups:
  demo:
    roles: [consul-server, postgres]
    nodes:
      - {name: db1, address: 10.20.0.11, memory: 4GiB}
      - {name: db2, address: 10.20.0.12, memory: 4GiB}
      - {name: db3, address: 10.20.0.13, memory: 4GiB}
access:
  console_password_hash: $6$salt$hash
"""


def change_spec(*pairs: tuple[str, str], more: str = "") -> str:
    """Return the valid spec with replacements, each of which must apply, and `more` at its end."""
    text = VALID
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text + more


def find_problems(text: str) -> tuple[Problem, ...]:
    """Return every problem of a spec, warnings included."""
    try:
        return check_spec(text.encode(), "spec.yaml").problems
    except SpecInvalid as invalid:
        return invalid.problems


def describe_problems(text: str) -> set[tuple[str, str, str]]:
    """Return severity, id and dotted path of every problem."""
    return {
        (problem.severity.value, problem.id, ".".join(map(str, problem.path)))
        for problem in find_problems(text)
    }
