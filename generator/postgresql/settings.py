"""Parameters that a spec sets, as numbers and words to reckon with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.postgresql.catalog import find_parameter
from generator.postgresql.values import check_value, read_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generator.postgresql.values import ParameterValue


def read_whole(parameters: Mapping[str, ParameterValue], name: str, major: int, default: int) -> int:
    """Return a whole number in the parameter's unit; the default where it is not given or not valid."""
    value, parameter = parameters.get(name), find_parameter(name, major)
    if value is None or parameter is None or check_value(parameter, value, major):
        return default
    return int(read_number(parameter, value, major) or 0)


def read_word(parameters: Mapping[str, ParameterValue], name: str) -> str:
    """Return the value of a parameter as PostgreSQL compares it; empty where there is none."""
    return str(parameters.get(name, "")).lower()
