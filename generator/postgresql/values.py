"""Values of PostgreSQL's parameters, read as PostgreSQL reads them.

In: a Parameter and a value of the spec.  Out: the rule that it breaks, or None.  What Patroni would
drop or change without a word is refused too: it knows the words of a switch, not their abbreviations.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Final

from generator.postgresql.texts import check_text

if TYPE_CHECKING:
    from generator.postgresql.catalog import Parameter

ParameterValue = str | int | bool

ON: Final = frozenset({"on", "true", "yes", "1"})
OFF: Final = frozenset({"off", "false", "no", "0"})
"""PostgreSQL knows abbreviations as well, but Patroni drops them."""

BYTES: Final = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
MICROSECONDS: Final = {
    "us": 1,
    "ms": 1000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
UNIT_SINCE: Final = {"B": 11, "us": 12}
"""Majors that brought a unit (release notes); the others are older than any major here."""
FRACTIONS_SINCE: Final = 12
"""Before, a parameter of type integer took whole numbers only (release notes of 12)."""

NUMBER: Final = re.compile(
    r"\s*(?P<number>[+-]?(0x[0-9a-fA-F]+|[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?))\s*(?P<unit>[A-Za-z]*)\s*"
)
"""As Patroni reads it; PostgreSQL also takes `5.`, `0X10` and the names of infinity."""
OCTAL: Final = re.compile(r"[+-]?0[0-7]*")


def check_value(parameter: Parameter, value: ParameterValue, major: int) -> str | None:
    """Return what the value must be, completing "NAME must be …"; None where it is fine."""
    text = str(value)
    if parameter.type == "string":
        return check_text(parameter.name, text, major)
    if parameter.type == "bool":
        return None if is_switch_word(text) else "on or off"
    if parameter.type == "enum":
        known = text.lower() in parameter.choices or (parameter.is_switch and is_switch_word(text))
        return None if known else _name_choices(parameter)
    return _check_number(parameter, text, major)


def is_switch_word(text: str) -> bool:
    """Say whether PostgreSQL and Patroni read `text` as on or off."""
    return text.lower() in ON | OFF


def list_choices(parameter: Parameter) -> tuple[str, ...]:
    """Return the words that the parameter takes, for a person."""
    return ("on", "off") * parameter.is_switch + tuple(choice for choice in parameter.choices if choice)


def _name_choices(parameter: Parameter) -> str:
    *most, last = list_choices(parameter)
    return f"{', '.join(most)} or {last}" if most else last


def _check_number(parameter: Parameter, text: str, major: int) -> str | None:
    number = read_number(parameter, text, major)
    if number is None:
        kind = "a whole number" if parameter.type == "integer" else "a number"
        units = _list_units(parameter.unit, major)
        if not units:
            return f"{kind} without a unit"
        return f"{kind} of {parameter.unit}, or with one of the units {', '.join(units)}"
    low, high = parameter.minimum, parameter.maximum
    is_within = (low is None or number >= low) and (high is None or number <= high)
    return None if is_within else f"between {_show(low, parameter)} and {_show(high, parameter)}"


def read_number(parameter: Parameter, value: ParameterValue, major: int) -> float | None:
    """Return a value in the parameter's unit, whatever its range; None where it cannot be read."""
    found = NUMBER.fullmatch(str(value))
    if not found or (found["unit"] and found["unit"] not in _list_units(parameter.unit, major)):
        return None
    number = _read_digits(found["number"], parameter, major)
    if number is not None and found["unit"] and parameter.unit:
        number = number * _measure(found["unit"]) / _measure(parameter.unit)
    if number is None or not isfinite(number):
        return None
    return round(number) if parameter.type == "integer" else number


def _read_digits(text: str, parameter: Parameter, major: int) -> float | None:
    """Return the number, with C's bases where the type is integer; None where it cannot be read."""
    if parameter.type == "real":
        return None if "x" in text else float(text)
    if "x" in text:
        return int(text, 16)
    if re.search(r"[.eE]", text):
        return float(text) if major >= FRACTIONS_SINCE else None
    if OCTAL.fullmatch(text):
        return int(text, 8)
    return None if re.match(r"[+-]?0", text) else int(text)


def _show(number: float | None, parameter: Parameter) -> str:
    """Return a bound with its unit; 0 and -1 mean something of their own and need none."""
    if parameter.unit is None or number is None or number <= 0:
        return f"{number:g}" if isinstance(number, float) else f"{number}"
    count, unit = _split_unit(parameter.unit)
    return f"{number * count:.15g}{unit}"


def _split_unit(unit: str) -> tuple[int, str]:
    """Return how many of which unit: `8kB` is 8 and kB."""
    name = unit.lstrip("0123456789")
    return int(unit[: len(unit) - len(name)] or 1), name


def _measure(unit: str) -> int:
    """Return a unit in bytes or microseconds."""
    count, name = _split_unit(unit)
    return count * {**BYTES, **MICROSECONDS}[name]


def _list_units(unit: str | None, major: int) -> tuple[str, ...]:
    if unit is None:
        return ()
    family = BYTES if _split_unit(unit)[1] in BYTES else MICROSECONDS
    return tuple(name for name in family if UNIT_SINCE.get(name, 0) <= major)
