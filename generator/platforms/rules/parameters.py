"""PostgreSQL's parameters against the declared major version.

Patroni drops a parameter that its validators refuse, and cuts a number to its range, on the machine and
without a word to the user (its `postgresql/validator.py`): here both are errors.
"""

from __future__ import annotations

from posixpath import normpath
from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.layout import NodePaths
from generator.platforms.defaults import find_major
from generator.postgresql.catalog import describe_lifetime, find_parameter, list_parameters
from generator.postgresql.settings import read_whole, read_word
from generator.postgresql.values import ON, check_value, list_choices
from generator.spec.processes import count_senders, count_workers
from generator.spec.rules.parameters import MANAGED, OWN_KEYS
from generator.spec.rules.rule import Rule, rule
from generator.spec.server_tls import has_server_tls
from generator.spec.wording import show_value, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.diagnostics import SpecPath
    from generator.platforms.profile import PlatformProfile
    from generator.postgresql.catalog import Parameter
    from generator.postgresql.values import ParameterValue
    from generator.spec.model import ClusterSpec

FACTS = "platform platform_overrides components.postgresql.version"
SECTION = "postgresql"
COUNTS = tuple(key for key in OWN_KEYS if OWN_KEYS[key] == f"{SECTION}.{key}")
"""Keys of the spec that are called like the parameter they set."""
IN_MIB = frozenset({"max_wal_size", "wal_keep_size", "max_slot_wal_keep_size", "shared_buffers", "work_mem"})
CONVERTED = frozenset({"wal_keep_size"})
"""An older major has it under another name, which Holster writes."""
MOST_BACKENDS = 262143
LEAST_MIN_WAL_SIZE = 32
WHOLE_STATISTICS = "log_statement_stats"
STATISTICS = ("log_parser_stats", "log_planner_stats", "log_executor_stats", WHOLE_STATISTICS)


def _list_checked(spec: ClusterSpec) -> Iterator[tuple[str, ParameterValue, SpecPath]]:
    """Yield name, value and path of what the spec sets and nobody has refused yet."""
    for name, value in spec.postgresql.parameters.items():
        if name not in OWN_KEYS and name not in MANAGED and "." not in name:
            yield name, value, (SECTION, "parameters", name)
    for name in COUNTS:
        value = getattr(spec.postgresql, name)
        if value is not None and name in spec.postgresql.model_fields_set:
            yield name, f"{value}MB" if name in IN_MIB else value, (SECTION, name)


@rule(
    "unknown-parameter",
    "parameter-value",
    reads=f"{FACTS} postgresql.parameters.* " + " ".join(f"{SECTION}.{key}" for key in COUNTS),
    is_partial=True,
)
def check_parameters(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """P6: name, type, unit and range; names with a dot belong to extensions, which alone know them."""
    major = find_major(spec, profile)
    for name, value, path in _list_checked(spec):
        parameter = find_parameter(name, major)
        if parameter is None:
            if name not in CONVERTED:
                yield _describe_unknown(name, major, path)
            continue
        wanted = check_value(parameter, value, major)
        if wanted:
            message = f"{name} must be {wanted}, not {show_value(value)}"
            yield Problem("parameter-value", message, path=path, hint=_hint_value(parameter, value))


def _describe_unknown(name: str, major: int, path: SpecPath) -> Problem:
    match = suggest(name, list_parameters(major))
    lifetime = describe_lifetime(name, major)
    hint = lifetime or (
        f"did you mean '{match}'?" if match else "an extension's parameter has a dot in its name"
    )
    message = f"PostgreSQL {major} has no parameter {name}"
    return Problem("unknown-parameter", message, path=path, at_key=True, hint=hint)


def _hint_value(parameter: Parameter, value: ParameterValue) -> str | None:
    choices = list_choices(parameter) if parameter.type in {"enum", "bool"} else ()
    match = suggest(value, choices)
    return f"did you mean '{match}'?" if match else None


@rule(
    "parameter-value",
    reads=f"{FACTS} postgresql.parameters postgresql.slots postgresql.max_connections "
    "postgresql.max_worker_processes postgresql.max_wal_senders groups.*.roles groups.*.nodes.*.cpus",
    is_partial=True,
)
def check_together(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Each is in its range, and PostgreSQL does not start: what it compares after reading its files."""
    major, settings = find_major(spec, profile), spec.postgresql

    def read(name: str, default: int) -> int:
        return read_whole(settings.parameters, name, major, default)

    reserved = read("superuser_reserved_connections", 3) + read("reserved_connections", 0)
    if reserved >= settings.max_connections:
        message = (
            f"{reserved} connections are reserved; max_connections = {settings.max_connections} must be more"
        )
        hint = "lower superuser_reserved_connections and reserved_connections, or raise max_connections"
        yield Problem("parameter-value", message, path=(SECTION, "parameters"), hint=hint)
    backends = (
        settings.max_connections
        + read("autovacuum_max_workers", 3)
        + count_workers(spec)
        + count_senders(spec)
        + 1
    )
    if backends > MOST_BACKENDS:
        message = (
            "max_connections, autovacuum_max_workers, max_worker_processes and max_wal_senders are "
            f"{backends} processes together; PostgreSQL can have {MOST_BACKENDS}"
        )
        yield Problem("parameter-value", message, path=(SECTION, "max_connections"), hint="lower them")
    statistics = [name for name in STATISTICS if str(settings.parameters.get(name)).lower() in ON]
    if len(statistics) > 1 and WHOLE_STATISTICS in statistics:
        message = f"{WHOLE_STATISTICS} cannot be on together with {statistics[0]}"
        yield Problem(
            "parameter-value", message, path=(SECTION, "parameters", WHOLE_STATISTICS), hint="remove one"
        )
    least = read("min_wal_size", LEAST_MIN_WAL_SIZE)
    if least < LEAST_MIN_WAL_SIZE:
        message = f"min_wal_size must be at least {LEAST_MIN_WAL_SIZE}MB, two segments of WAL, not {least}MB"
        yield Problem("parameter-value", message, path=(SECTION, "parameters", "min_wal_size"))


FILES = ("ssl_ca_file", "ssl_crl_file", "ssl_crl_dir", "ssl_dh_params_file", "krb_server_keyfile")
"""Named by the user, who brings them to every member; PostgreSQL looks for others in the data directory."""
OLD_PROTOCOLS = frozenset({"tlsv1", "tlsv1.1"})


@rule("parameter-value", reads="postgresql.parameters postgresql.tls", is_partial=True)
def check_files(spec: ClusterSpec, _profile: PlatformProfile) -> Iterator[Problem]:
    """PostgreSQL does not start without them, and the data directory is made anew, with nothing in it."""
    parameters = spec.postgresql.parameters
    for name in FILES:
        value = parameters.get(name)
        if value and not str(value).startswith("/"):
            message = (
                f"{name} must be an absolute path, not {show_value(value)}: the data directory is made anew"
            )
            hint = "such as /etc/pki/clients.pem, on every member"
            yield Problem("parameter-value", message, path=(SECTION, "parameters", name), hint=hint)
    newest = "ssl_max_protocol_version"
    if has_server_tls(spec) and read_word(parameters, newest) in OLD_PROTOCOLS:
        message = f"{newest} must be TLSv1.2 or newer: Holster sets ssl_min_protocol_version to TLSv1.2"
        yield Problem("parameter-value", message, path=(SECTION, "parameters", newest), hint="remove it")


@rule("parameter-value", "tls-off", reads=f"{FACTS} postgresql.parameters postgresql.tls", is_partial=True)
def check_client_authority(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """ssl_ca_file says whose certificates are roles (`cert`): never those that the machines have themselves.

    The certificate of a Consul agent has the name of its machine, and so would be the role of that name.
    """
    value, path = spec.postgresql.parameters.get("ssl_ca_file"), (SECTION, "parameters", "ssl_ca_file")
    if not value or not str(value).startswith("/"):
        return
    own = (NodePaths.member_tls, f"{profile.paths.consul_config_dir}/tls")
    if normpath(str(value)).startswith(tuple(f"{folder}/" for folder in own)):
        message = (
            f"{value} is the cluster's own authority: every machine's certificate would log in as a role"
        )
        hint = "name the authority of your clients, a file that every member has"
        yield Problem("parameter-value", message, path=path, hint=hint)
    elif not has_server_tls(spec):
        message = "ssl_ca_file does nothing while postgresql.tls is off"
        hint = "remove it, or set postgresql.tls: allowed"
        yield Problem("tls-off", message, Severity.WARNING, path=path, hint=hint)


RULES: tuple[Rule, ...] = (check_parameters, check_together, check_files, check_client_authority)
