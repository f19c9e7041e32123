"""The catalogue of parameters and the reading of values against the real PostgreSQL.

`postgres -C` reads postgresql.conf as a start would and stops before it touches any data; root may do it.
"""

from __future__ import annotations

import re
import subprocess
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from generator.postgresql.catalog import find_parameter, list_parameters
from generator.postgresql.values import check_value
from tests.external.machine_fixtures import find_postgresql
from tests.fakes.parameter_values import list_values

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.external

TYPES = {"BOOLEAN": "bool", "INTEGER": "integer", "REAL": "real", "ENUM": "enum", "STRING": "string"}
OF_THE_BUILD = frozenset({"bonjour", "max_stack_depth"})
"""What the build or the limits of the machine decide."""
NOT_ALONE = OF_THE_BUILD | {
    "log_min_messages",  # may silence the server
    "log_statement_stats",  # not beside its parts
    "max_connections", "max_wal_senders", "max_worker_processes", "autovacuum_max_workers",  # have a sum
}  # fmt: skip
TEXT_TO_POSTGRESQL = frozenset({"recovery_target"})
"""An enum in Patroni's words."""
ODD_NUMBERS = frozenset({"nan", "inf", "5.", "0x10", "1e400"})
"""What Patroni's expressions do not read; nor abbreviations of words."""


@pytest.fixture(scope="module")
def postgres() -> Path:
    """Return the server program of the newest PostgreSQL of this machine."""
    return find_postgresql() / "postgres"


@pytest.fixture(scope="module")
def major(postgres: Path) -> int:
    """Return its major version."""
    text = subprocess.run([postgres, "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"\) (\d+)", text)
    assert found is not None
    return int(found[1])


def test_names_types_and_ranges(postgres: Path, major: int) -> None:
    """What the server describes of itself is what the catalogue says."""
    output = subprocess.run([postgres, "--describe-config"], check=True, capture_output=True, text=True)
    rows = [line.split("\t") for line in output.stdout.splitlines()]
    assert len(rows) > 250
    for name, _, _, kind, _, low, high, *_ in rows:
        parameter = find_parameter(name.lower(), major)
        assert parameter is not None, name
        if parameter.name in TEXT_TO_POSTGRESQL | OF_THE_BUILD:
            continue
        assert parameter.type == TYPES[kind], name
        if kind in {"INTEGER", "REAL"}:
            assert (parameter.minimum, parameter.maximum) == (float(low), float(high)), name


def find_refused(postgres: Path, folder: Path, values: dict[str, str]) -> set[str]:
    """Return the parameters about which the server complains when it reads `values`; it names them all."""
    lines = [
        "{} = '{}'\n".format(name, value.replace("\\", "\\\\").replace("'", "''"))
        for name, value in values.items()
    ]
    (folder / "postgresql.conf").write_text("".join(lines), "utf-8")
    command: list[str | Path] = [postgres, "-C", "block_size", "-D", folder]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    refused = {name.lower() for name in re.findall(r'LOG: .* parameter "(\w+)"', done.stderr)}
    assert (done.returncode == 0) == (not refused), done.stderr
    return refused


def test_values_are_read_as_the_server_reads_them(postgres: Path, major: int, tmp_path: Path) -> None:
    """What the check accepts the server takes; what only the server takes Patroni would not."""
    parameters = [
        parameter
        for name in list_parameters(major)
        if (parameter := find_parameter(name, major)) and name not in NOT_ALONE | TEXT_TO_POSTGRESQL
    ]
    rounds = zip_longest(*(list_values(parameter) for parameter in parameters))
    taken = 0
    for values in rounds:
        tried = {
            parameter.name: value
            for parameter, value in zip(parameters, values, strict=True)
            if value is not None
        }
        refused = find_refused(postgres, tmp_path, tried)
        for parameter in parameters:
            name, value = parameter.name, tried.get(parameter.name)
            if value is not None and check_value(parameter, value, major) is None:
                taken += 1
                assert name not in refused, (name, value)
            elif value is not None and name not in refused:
                assert parameter.type in {"bool", "enum"} or value in ODD_NUMBERS, (name, value)
    assert taken > 1000


TEXTS = {
    "log_destination": ("stderr", "stderr, csvlog", "nope", "stderr csvlog"),
    "datestyle": ("iso, dmy", "german", "russian", "iso dmy"),
    "timezone_abbreviations": ("Default", "India", "Australia", "default", "Nope"),
    "search_path": ('"$user", public', "public private", ""),
    "temp_tablespaces": ("", "a, b", "a b"),
    "default_table_access_method": ("heap", ""),
    "restrict_nonsystem_relation_kind": ("view", "view, foreign-table", "table"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_that_stop_the_server_are_refused(
    name: str, postgres: Path, major: int, tmp_path: Path
) -> None:
    """Parameters of type string that the server reads word by word."""
    parameter = find_parameter(name, major)
    assert parameter is not None
    for value in TEXTS[name]:
        is_fine = check_value(parameter, value, major) is None
        assert is_fine == (not find_refused(postgres, tmp_path, {name: value})), value
