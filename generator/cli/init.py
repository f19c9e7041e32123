"""`holster init`: a short commented spec to start from."""

from __future__ import annotations

import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import click

from generator.check import check_spec
from generator.cli.console import print_problems
from generator.errors import SpecInvalid, UsageInvalid
from generator.platforms.profile import list_platforms
from generator.render.starter import Starter, render_starter
from generator.spec.model import Durability


class Parsed(click.ParamType[Any]):
    """A value read by a standard class: an address or a network."""

    def __init__(self, name: str, kind: type[IPv4Address | IPv4Network]) -> None:
        self.name = name
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the parsed value or end with a usage error."""
        try:
            return self._kind(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


ADDRESS = Parsed("address", IPv4Address)
NETWORK = Parsed("network", IPv4Network)


def parse_addresses(texts: tuple[str, ...]) -> tuple[IPv4Address, ...]:
    """Return the addresses; each text may hold several, separated by commas or spaces."""
    found = [part for text in texts for part in text.replace(",", " ").split()]
    try:
        return tuple(IPv4Address(part) for part in found)
    except ValueError as error:
        raise UsageInvalid(str(error), hint="give addresses such as 10.0.0.11,10.0.0.12,10.0.0.13") from None


def ask(value: Any, text: str, option: str, kind: Any = str, default: Any = None) -> Any:
    """Return `value`, or the answer to a prompt where a person is there to give it."""
    if value is not None:
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
@click.option("--cluster", help="Name of the cluster (Patroni's scope).")
@click.option(
    "--address", "addresses", multiple=True, metavar="A[,A…]", help="Addresses of the machines: 1, 3 or more."
)
@click.option("--vip", type=ADDRESS, help="Address that follows the primary.")
@click.option("--prefix", type=NETWORK, help="Network of the machines.  [default: the /24 of the first]")
@click.option("--gateway", type=ADDRESS, help="Router's address.")
@click.option("--interface", default="eth0", show_default=True, help="Network interface of the machines.")
@click.option("--platform", type=click.Choice(list_platforms()), default="redos8", show_default=True)
@click.option(
    "--durability", type=click.Choice([choice.value for choice in Durability]), help="What a commit survives."
)
@click.option("--ssh-key", "ssh_keys", multiple=True, metavar="LINE", help="A public key that may log in.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def command(file: Path, **answers: Any) -> None:
    """Write a short commented spec to FILE (- for standard output).

    What is not given as an option is asked for on a terminal.
    """
    if str(file) != "-" and file.exists() and not answers["force"]:
        raise UsageInvalid(f"{file} is already there", hint="--force replaces it")
    name = ask(answers["cluster"], "Cluster name", "--cluster")
    texts = answers["addresses"] or (
        ask(None, "Addresses of the machines (1, 3 or more; comma between)", "--address"),
    )
    addresses = parse_addresses(texts)
    vip = ask(answers["vip"], "Virtual IP", "--vip", ADDRESS)
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
        interface=answers["interface"],
        gateway=answers["gateway"],
        ssh_keys=answers["ssh_keys"],
    )
    write_starter(render_starter(starter), file)


def write_starter(text: str, file: Path) -> None:
    """Write the starter, or print what is wrong with the answers and write nothing."""
    try:
        check_spec(text.encode(), str(file))
    except SpecInvalid as invalid:
        print_problems(invalid.problems, source=invalid.source, lines=invalid.lines)
        raise SystemExit(invalid.exit_code) from None
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UsageInvalid(f"cannot write {file}: {error.strerror}") from None
    click.echo(
        f"wrote {file}; next: edit it, then `holster check {file}` and `holster render {file}`", err=True
    )
