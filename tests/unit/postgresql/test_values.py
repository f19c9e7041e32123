"""Values of parameters: ours are refused where PostgreSQL or Patroni would not take them as they stand."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from patroni.collections import CaseInsensitiveSet
from patroni.postgresql.validator import (
    transform_postgresql_parameter_value,
    transform_recovery_parameter_value,
)

from generator.postgresql.catalog import find_parameter, list_parameters
from generator.postgresql.values import check_value
from tests.fakes.parameter_values import list_values

if TYPE_CHECKING:
    from generator.postgresql.catalog import Parameter
    from generator.postgresql.values import ParameterValue

TIMES = "or with one of the units us, ms, s, min, h, d"
WRONG: list[tuple[str, ParameterValue, int, str]] = [
    ("autovacuum_vacuum_cost_delay", "fast", 15, f"a number of ms, {TIMES}"),
    ("autovacuum_vacuum_cost_delay", "2.5", 11, f"a whole number of ms, {TIMES.replace('us, ', '')}"),
    ("wal_buffers", "16GB", 15, "between -1 and 2097144kB"),
    ("wal_buffers", "1Mb", 15, "a whole number of 8kB, or with one of the units B, kB, MB, GB, TB"),
    ("idle_in_transaction_session_timeout", "10 minutes", 15, f"a whole number of ms, {TIMES}"),
    ("effective_io_concurrency", 5000, 15, "between 0 and 1000"),
    ("effective_io_concurrency", "8kB", 15, "a whole number without a unit"),
    ("effective_io_concurrency", True, 15, "a whole number without a unit"),
    ("log_rotation_age", "08", 15, f"a whole number of min, {TIMES}"),
    ("random_page_cost", "-0.1", 15, "between 0 and 1.79769e+308"),
    ("max_stack_depth", "8MB", 15, "between 100kB and 7680kB"),
    ("jit", "t", 15, "on or off"),
    ("jit", 2, 15, "on or off"),
    ("archive_mode", "alway", 15, "on, off or always"),
    ("log_error_verbosity", True, 15, "terse, default or verbose"),
    ("log_destination", "stderr, jsonlog", 14, "a list of stderr, csvlog, syslog, eventlog"),
    ("search_path", "public private", 15, "names joined by commas"),
    ("datestyle", "russian", 15, "a style and an order such as iso, dmy"),
    ("client_encoding", "utf9", 15, "an encoding such as UTF8"),
    ("client_encoding", "", 15, "an encoding such as UTF8"),
    ("default_table_access_method", "", 15, "a name"),
    ("restrict_nonsystem_relation_kind", "table", 17, "a list of foreign-table, view"),
]
RIGHT: list[tuple[str, ParameterValue, int]] = [
    ("log_min_duration_statement", "500 ms", 15),
    ("log_min_duration_statement", -1, 15),
    ("autovacuum_vacuum_cost_delay", "0.5ms", 15),
    ("wal_buffers", "2097144kB", 15),
    ("wal_buffers", "0x10", 15),
    ("unix_socket_permissions", "0777", 15),
    ("log_rotation_size", "1.5GB", 15),
    ("checkpoint_completion_target", "9e-1", 15),
    ("jit", False, 15),
    ("jit", 1, 15),
    ("archive_mode", "YES", 15),
    ("log_statement", "DDL", 15),
    ("log_destination", "stderr, jsonlog", 15),
    ("search_path", '"$user", public, "Mein Schema"', 15),
    ("client_encoding", "utf-8", 15),
    ("client_encoding", "Shift_JIS_2004", 15),
    ("datestyle", "ISO, DMY", 15),
    ("archive_command", "", 15),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "major", "rule"), WRONG)
def test_wrong_values_are_told_the_rule(name: str, value: ParameterValue, major: int, rule: str) -> None:
    """Words, units, ranges and abbreviations; the sentence names what would be right."""
    parameter = find_parameter(name, major)
    assert parameter is not None
    assert check_value(parameter, value, major) == rule


@pytest.mark.parametrize(("name", "value", "major"), RIGHT)
def test_right_values_are_left_alone(name: str, value: ParameterValue, major: int) -> None:
    """All ways of writing that PostgreSQL and Patroni both take."""
    parameter = find_parameter(name, major)
    assert parameter is not None
    assert check_value(parameter, value, major) is None


def ask_patroni(parameter: Parameter, value: str, version: int) -> object:
    """Return what Patroni would write; None where it leaves the parameter out, or dies of its value."""
    transform = (
        transform_recovery_parameter_value if parameter.is_recovery else transform_postgresql_parameter_value
    )
    try:
        return transform(version, parameter.name, value, CaseInsensitiveSet())
    except OverflowError:
        return None


@pytest.mark.parametrize("major", range(10, 19))
def test_what_is_accepted_passes_patroni_unchanged(major: int) -> None:
    """The validators of the real Patroni neither drop nor cut what the check lets through."""
    logging.getLogger("patroni.postgresql.validator").setLevel(logging.CRITICAL)
    version, accepted = major * 10000 + 98, 0
    for name in list_parameters(major):
        parameter = find_parameter(name, major)
        assert parameter is not None
        for value in list_values(parameter):
            kept = ask_patroni(parameter, value, version)
            if check_value(parameter, value, major) is None:
                accepted += 1
                assert kept == value, (name, value)
            elif kept == value:
                # Patroni knows no older units, words of texts or limits of the machine.
                assert major < 12 or parameter.type == "string" or name == "max_stack_depth", (name, value)
    assert accepted > 1000
