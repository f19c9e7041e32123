"""`holster init`: a short commented spec to start from."""

from __future__ import annotations

import os
import stat
import sys
from ipaddress import IPv4Network
from pathlib import Path
from shlex import quote
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from generator.check import check_spec
from generator.cli.console import name_program
from generator.diagnostics import Severity
from generator.errors import EnvironmentFailed, InputInvalid, SpecInvalid, UsageInvalid
from generator.platforms.profile import list_platforms
from generator.render.starter import Starter, render_starter
from generator.spec.fields import SCOPE, Scope
from generator.spec.model import Durability
from generator.spec.network_fields import Address, InterfaceName, Network
from generator.spec.schema import TITLE, format_schema
from generator.spec.ssh_fields import SshPublicKey
from generator.spec.wording import explain_letters, show_value
from generator.whole_file import replace_file


class Parsed(click.ParamType[Any]):
    """A value read as a field of the spec, with the spec's own words when it is wrong."""

    def __init__(self, name: str, kind: Any) -> None:
        self.name = name
        self._adapter = TypeAdapter(kind)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the parsed value or end with a usage error."""
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            self.fail(explain(value, error), param, ctx)


class ParsedList(Parsed):
    """Several values in one text, separated by commas or spaces."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the parsed values or end with a usage error."""
        if not isinstance(value, str):
            return value
        convert = super().convert
        parts = tuple(convert(part, param, ctx) for part in value.replace(",", " ").split())
        if not parts:
            self.fail("at least one address is needed", param, ctx)
        return parts


def explain(value: Any, error: ValidationError) -> str:
    """Return what is wrong with a value, in the words of the spec."""
    reason = error.errors(include_url=False)[0].get("ctx", {}).get("error", "cannot be used here")
    letters = explain_letters(value)
    return f"{show_value(value)} {reason}" + (f"; {letters}" if letters else "")


CLUSTER = Parsed("name", Scope)
ADDRESS = Parsed("address", Address)
ADDRESSES = ParsedList("addresses", Address)
NETWORK = Parsed("network", Network)
INTERFACE = Parsed("name", InterfaceName)
KEY = Parsed("line", SshPublicKey)


AMBIGUOUS = 2
SCHEMA = "holster.schema.json"
LONGEST_HEAD = 1000


def suggest_name(file: Path) -> str | None:
    """Return the file's name as a cluster's name, or None where it cannot be one."""
    return file.stem if SCOPE.fullmatch(file.stem) else None


def ask(value: Any, text: str, option: str, kind: Any, default: Any = None) -> Any:
    """Return `value`, or the answer to a prompt where a person is there to give it."""
    if value:
        return value
    if not sys.stdin.isatty():
        if default is not None:
            return default
        raise UsageInvalid(
            f"{option} is missing", hint=f"give {option}, or run holster init on a terminal to be asked"
        )
    return click.prompt(text, type=kind, default=default, err=True)


@click.command("init")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--cluster", type=CLUSTER, help="Name of the cluster.  [default: FILE's name without .yaml]")
@click.option(
    "--address",
    "addresses",
    type=ADDRESSES,
    multiple=True,
    metavar="A[,A…]",
    help="Addresses of the machines: 1, 3 or more; with --consul-server those of PostgreSQL alone.",
)
@click.option(
    "--consul-server",
    "servers",
    type=ADDRESSES,
    multiple=True,
    metavar="A[,A…]",
    help="Addresses of machines for Consul servers alone: 3 or 5.  [default: the first three of --address]",
)
@click.option("--vip", type=ADDRESS, help="Virtual address, always on the leader.")
@click.option("--prefix", type=NETWORK, help="Network of the machines.  [default: the /24 of the first]")
@click.option("--gateway", type=ADDRESS, help="Router's address.")
@click.option(
    "--interface", type=INTERFACE, default="eth0", show_default=True, help="Network card of the machines."
)
@click.option("--platform", type=click.Choice(list_platforms()), default="redos8", show_default=True)
@click.option(
    "--durability", type=click.Choice([choice.value for choice in Durability]), help="What a commit survives."
)
@click.option(
    "--ssh-key",
    "ssh_keys",
    type=KEY,
    multiple=True,
    metavar="LINE",
    help="A public key that may log in, as it stands in the .pub file; repeatable.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def command(file: Path, **answers: Any) -> None:
    """Write a short commented spec to FILE (- for standard output).

    The JSON Schema that it names for editors is written beside it, as holster.schema.json.
    What is not given as an option is asked for on a terminal.
    """
    if str(file) != "-" and os.path.lexists(file) and not answers["force"]:
        raise UsageInvalid(f"{file} is already there", hint="--force replaces it")
    name = ask(answers["cluster"], "Cluster name", "--cluster", CLUSTER, suggest_name(file))
    given, servers = (
        tuple(address for addresses in answers[key] for address in addresses)
        for key in ("addresses", "servers")
    )
    addresses = ask(given, "Addresses of the machines (1, 3 or more; comma between)", "--address", ADDRESSES)
    if len(servers or addresses) == AMBIGUOUS:
        raise InputInvalid(
            "two machines cannot agree on a leader",
            hint="give one address for a trial, or three and more"
            + ("" if servers else "; two members need --consul-server with three other machines"),
        )
    vip = ask(answers["vip"], "Virtual address", "--vip", ADDRESS)
    durability = ask(
        answers["durability"],
        "What an acknowledged commit survives",
        "--durability",
        click.Choice([choice.value for choice in Durability]),
        "asynchronous" if len(addresses) == 1 else "synchronous",
    )
    starter = Starter(
        name=name,
        platform=answers["platform"],
        durability=durability,
        prefix=answers["prefix"] or IPv4Network(f"{addresses[0]}/24", strict=False),
        vip=vip,
        addresses=addresses,
        servers=servers,
        has_schema=may_write_schema(file),
        interface=answers["interface"],
        gateway=answers["gateway"],
        ssh_keys=answers["ssh_keys"],
    )
    write_starter(render_starter(starter), file)


def may_write_schema(file: Path) -> bool:
    """Say whether the schema can lie beside the spec: nothing else has its name there."""
    if str(file) == "-" or file.name == SCHEMA:
        return False
    path = file.with_name(SCHEMA)
    try:
        if not os.path.lexists(path):
            return True
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        # A schema of another version begins in the same way.
        with path.open(encoding="utf-8", errors="replace") as stream:
            return TITLE in stream.read(LONGEST_HEAD)
    except OSError:
        return False


def write_starter(text: str, file: Path) -> None:
    """Write the starter, or print what is wrong with the answers and write nothing.

    Raises:
        InputInvalid: the answers make no valid spec.
        EnvironmentFailed: the file cannot be written.
    """
    try:
        check_spec(text.encode(), str(file))
    except SpecInvalid as invalid:
        wrong = [problem for problem in invalid.problems if problem.severity is Severity.ERROR]
        lines = (
            f"\n  {problem.message}" + (f"; {problem.hint}" if problem.hint else "") for problem in wrong
        )
        raise InputInvalid(f"these answers make no cluster; nothing was written:{''.join(lines)}") from None
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    if may_write_schema(file):
        write_whole(file.with_name(SCHEMA), format_schema())
    write_whole(file, text)
    program, shown = name_program(), quote(str(file))
    click.echo(
        f"wrote {file}; next: edit it, then `{program} check {shown}` and `{program} render {shown}`",
        err=True,
    )


def write_whole(file: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        EnvironmentFailed: it cannot be written; what was there is as it was.
    """
    try:
        replace_file(file, text)
    except OSError as error:
        raise EnvironmentFailed(f"cannot write {file}: {error.strerror}") from None
