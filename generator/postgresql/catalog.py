"""The parameters of PostgreSQL by major version.

In: `parameters.json` beside this module: facts of the validators that Patroni ships (name, type, unit,
range, choices, versions), made anew and compared by `tests/unit/postgresql/test_catalog.py`.
Out: a Parameter, or None where the major has none of that name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

NEWEST = 18
"""The newest major that the facts know."""

ParameterType = Literal["bool", "integer", "real", "enum", "string"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter in some majors.

    Attributes:
        since: the oldest major that these facts hold for; 9 stands for 9.6.
        last: the newest one; None where they still hold.
        minimum: in units, as `maximum`; None where the type is no number.
        unit: of a number without a unit, such as `8kB` or `ms`; None where it takes none.
        choices: of an enum, lower-case.
        is_switch: an enum that takes on and off as well.
        is_recovery: read on a standby only; Patroni has a section of its own for it.
    """

    name: str
    type: ParameterType
    since: int
    last: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    unit: str | None = None
    choices: tuple[str, ...] = ()
    is_switch: bool = False
    is_recovery: bool = False

    def holds_for(self, major: int) -> bool:
        """Say whether `major` has the parameter in this form."""
        return self.since <= major and (self.last is None or major <= self.last)


MACHINE_LIMITS = {"max_stack_depth": 7680}
"""Bounds that the machine sets lower: systemd gives services a stack of 8 MiB, and PostgreSQL keeps 512 kB
of it free (its check of max_stack_depth); with more it does not start."""


@cache
def _read() -> dict[str, tuple[Parameter, ...]]:
    sections: dict[str, dict[str, list[dict[str, Any]]]] = json.loads(
        Path(__file__).with_name("parameters.json").read_text("utf-8")
    )
    return {
        name: tuple(_make(name, entry, section) for entry in entries)
        for section, parameters in sections.items()
        for name, entries in parameters.items()
    }


def _make(name: str, entry: dict[str, Any], section: str) -> Parameter:
    facts = {**entry, "choices": tuple(entry.get("choices", ())), "is_recovery": section == "recovery"}
    if name in MACHINE_LIMITS:
        facts["maximum"] = MACHINE_LIMITS[name]
    return Parameter(name, **facts)


def find_parameter(name: str, major: int) -> Parameter | None:
    """Return the parameter `name` of PostgreSQL `major`, or None."""
    return next((form for form in _read().get(name, ()) if form.holds_for(major)), None)


def list_parameters(major: int) -> tuple[str, ...]:
    """Return the names of all parameters of PostgreSQL `major`."""
    return tuple(name for name in _read() if find_parameter(name, major))


def describe_lifetime(name: str, major: int) -> str | None:
    """Return when a parameter came or went that `major` does not have; None where no major has it."""
    forms = _read().get(name)
    if not forms:
        return None
    later = [form.since for form in forms if form.since > major]
    if later:
        return f"it came with PostgreSQL {min(later)}"
    return f"PostgreSQL {max(form.last or NEWEST for form in forms)} was the last to have it"
