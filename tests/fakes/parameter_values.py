"""Values to try on a parameter of PostgreSQL: good ones, odd ones, and both sides of its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.postgresql.catalog import Parameter

NUMBERS = (
    "1", "0", "-1", "5000", "1.5", "fast", "", " 10 ", "10 ms", "10ms", "10 minutes", "10min", "1e3", "0x10",
    "010", "08", "16GB", "1TB", "9999999999", "100kB", "10B", "5us", "1d", "2h", ".5", "5.", "+3", "1e400",
    "nan", "inf", "true", "0.5ms", "1KB", "1Mb", "10 s x", "12000000000ms", "2047MB", "2097144kB",
    "2097145kB", "2147483647", "2147483648", "0x", "1e", "--1", "0b1", "1_000",
)  # fmt: skip
SWITCHES = ("on", "off", "true", "t", "of", "1", "2", "On", "YES", "y", "maybe", "")
LARGEST = 1e300
"""Above it, one more or less is the same number."""


def list_values(parameter: Parameter) -> tuple[str, ...]:
    """Return the values; none for a parameter that is text."""
    if parameter.type == "string":
        return ()
    if parameter.type == "bool":
        return SWITCHES
    if parameter.type == "enum":
        return (*SWITCHES, *parameter.choices, *(choice.upper() for choice in parameter.choices), "nope")
    bounds = [bound for bound in (parameter.minimum, parameter.maximum) if bound and abs(bound) < LARGEST]
    return (*NUMBERS, *(str(bound + step) for bound in bounds for step in (-1, 0, 1)))
