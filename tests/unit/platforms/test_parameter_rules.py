"""PostgreSQL's parameters in a spec: refused where the declared major or Patroni would not take them."""

from __future__ import annotations

import pytest

from generator.diagnostics import Severity
from tests.fakes.spec_texts import change_spec, describe_problems, find_problems

VALUE, UNKNOWN = "parameter-value", "unknown-parameter"
WRONG = {
    "a misspelled name": ("parameters: {sharde_preload_libraries: x}", UNKNOWN),
    "a newer name": ("parameters: {transaction_timeout: 30s}", UNKNOWN),
    "a word for a number": ("parameters: {autovacuum_naptime: often}", VALUE),
    "a unit of another language": ("parameters: {lock_timeout: 10 minutes}", VALUE),
    "too much": ("parameters: {wal_buffers: 16GB}", VALUE),
    "a key of its own out of range": ("max_prepared_transactions: 300000", VALUE),
    "a size of its own out of range": ("work_mem: 2TiB", VALUE),
    "all connections reserved": ("parameters: {superuser_reserved_connections: 200}", VALUE),
    "more processes than there can be": ("max_connections: 262143", VALUE),
    "less than two segments": ("parameters: {min_wal_size: 16}", VALUE),
    "statistics twice": ('parameters: {log_statement_stats: "on", log_parser_stats: true}', VALUE),
    "an abbreviation's file in other letters": ("parameters: {timezone_abbreviations: default}", VALUE),
    "a curve that there is not": ("parameters: {ssl_ecdh_curve: nope}", VALUE),
    "protocols below ours": ("parameters: {ssl_max_protocol_version: TLSv1.1}", VALUE),
    "revocations in the data directory": ("parameters: {ssl_crl_file: root.crl}", VALUE),
    "a folder in the data directory": ("parameters: {ssl_crl_dir: crl}", VALUE),
    "numbers in the data directory": ("parameters: {ssl_dh_params_file: dh.pem}", VALUE),
    "keys in the data directory": ("parameters: {krb_server_keyfile: krb5.keytab}", VALUE),
    "transactions that cannot make roles": (
        'parameters: {default_transaction_read_only: "on"}',
        "parameter-not-here",
    ),
    "delayed members": ("parameters: {recovery_min_apply_delay: 1h}", "parameter-not-here"),
}
RIGHT = {
    "an extension's": "parameters: {pg_stat_statements.max: 10000, my.thing: any thing}",
    "a unit after a space": "parameters: {log_min_duration_statement: 500 ms}",
    "commands of a standby": "parameters: {restore_command: cp /mnt/%f %p, recovery_end_command: /bin/true}",
    "commit timestamps": "parameters: {track_commit_timestamp: true}",
    "files of their own": "parameters: {ssl_crl_file: /etc/pki/crl, krb_server_keyfile: /etc/krb5.keytab}",
    "the newest protocol": "parameters: {ssl_max_protocol_version: TLSv1.3, ssl_ecdh_curve: secp384r1}",
    "abbreviations": "parameters: {timezone_abbreviations: India}",
    "transactions that write": 'parameters: {default_transaction_read_only: "off"}',
    "statistics once": 'parameters: {log_planner_stats: "on", log_parser_stats: true}',
}


def write(section: str) -> str:
    """Return the valid spec for PostgreSQL 16 with a section `postgresql`."""
    return change_spec(more=f"postgresql:\n  {section}\n")


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_arrive_is_an_error(case: str) -> None:
    """Each of them would vanish, be cut, or keep PostgreSQL from starting."""
    section, identifier = WRONG[case]
    found = [problem for problem in find_problems(write(section)) if problem.id == identifier]
    assert found
    assert all(problem.severity is Severity.ERROR and problem.path[0] == "postgresql" for problem in found)


@pytest.mark.parametrize("case", RIGHT)
def test_what_arrives_is_left_alone(case: str) -> None:
    """Valid values, in every way of writing that both programs read."""
    assert [problem.message for problem in find_problems(write(RIGHT[case]))] == []


def test_the_declared_major_decides() -> None:
    """The same parameter is an error for one version and fine for another."""
    newer = write("parameters: {transaction_timeout: 30s}") + "components: {postgresql: {version: 17}}\n"
    older = write("max_slot_wal_keep_size: 1GiB\n  allow_end_of_life: true")
    older += "components: {postgresql: {version: 12}}\n"
    assert not describe_problems(newer)
    assert ("error", "unknown-parameter", "postgresql.max_slot_wal_keep_size") in describe_problems(older)


def test_wrong_names_and_values_get_a_hint() -> None:
    """Did-you-mean for names and words, the version for names of other majors."""
    text = write(
        "parameters: {sharde_preload_libraries: x, transaction_timeout: 1s, archive_mode: alway, x_y_z: 1}"
    )
    hints = {problem.path[-1]: problem.hint for problem in find_problems(text)}
    assert hints == {
        "sharde_preload_libraries": "did you mean 'shared_preload_libraries'?",
        "transaction_timeout": "it came with PostgreSQL 17",
        "archive_mode": "did you mean 'always'?",
        "x_y_z": "an extension's parameter has a dot in its name",
    }
