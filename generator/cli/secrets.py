"""`holster secrets`: create, show, import, reissue."""

from __future__ import annotations

import json
import secrets as entropy_source
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.cli.console import SPEC, ConsoleReporter, check_and_print
from generator.credentials.bundle import create_bundle, reissue_node
from generator.credentials.gossip import read_gossip_key
from generator.credentials.redact import redact_bundle
from generator.credentials.store import load_bundle, save_bundle
from generator.errors import UsageInvalid
from generator.produce import prepare_bundle
from generator.resolve import list_identities

if TYPE_CHECKING:
    from generator.check import CheckedSpec

BUNDLE = click.option(
    "--secrets",
    "bundle_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Credential bundle.  [default: secrets/<cluster>.yaml]",
)


def locate_bundle(checked: CheckedSpec, path: Path | None) -> Path:
    """Return the bundle's path: the given one, or the default of the cluster."""
    return path or Path("secrets") / f"{checked.spec.cluster}.yaml"


def demand_bundle(path: Path) -> Path:
    """Return the path of an existing bundle.

    Raises:
        UsageInvalid: there is none.
    """
    if not path.exists():
        raise UsageInvalid(f"there is no bundle {path}", hint="`holster secrets create SPEC` makes it")
    return path


@click.group("secrets")
def command() -> None:
    """Create, show, import or reissue the secrets of a cluster.

    A bundle is made once, by `create`, `import` or the first render, and never
    made anew by a render. It is kept apart from the spec, readable by you only.
    """


@command.command("create")
@SPEC
@BUNDLE
def create(spec: Path, bundle_path: Path | None) -> None:
    """Make the bundle of SPEC; what exists stays, new machines are added."""
    checked = check_and_print(spec)
    path = locate_bundle(checked, bundle_path)
    _, made, warnings = prepare_bundle(
        checked, path, now=datetime.now(UTC), entropy=entropy_source.token_bytes
    )
    reporter = ConsoleReporter(quiet=False)
    reporter.warn_of(warnings)
    reporter.step(f"{path}: made for {', '.join(made)}" if made else f"{path}: complete, nothing changed")


@command.command("show")
@SPEC
@BUNDLE
@click.option("--redacted", is_flag=True, help="Required: what is printed never holds a secret value.")
def show(spec: Path, bundle_path: Path | None, *, redacted: bool) -> None:
    """Print what the bundle of SPEC holds, as JSON without secret values."""
    if not redacted:
        raise UsageInvalid(
            "secrets are only shown redacted", hint="add --redacted; the values stand in the bundle's file"
        )
    checked = check_and_print(spec)
    bundle = load_bundle(demand_bundle(locate_bundle(checked, bundle_path)))
    click.echo(json.dumps(redact_bundle(bundle), indent=2, ensure_ascii=False))


@command.command("import")
@SPEC
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@BUNDLE
def import_key(spec: Path, source: Path, bundle_path: Path | None) -> None:
    """Make the bundle of SPEC around the gossip key of a running cluster.

    SOURCE is the cluster's consul.hcl or consul.json, or Serf's local.keyring.
    A machine that joins must use the key that the others have: a new `encrypt`
    value is ignored where a keyring exists.
    """
    checked = check_and_print(spec)
    path = locate_bundle(checked, bundle_path)
    if path.exists():
        raise UsageInvalid(
            f"{path} is already there and keeps its gossip key",
            hint="import before the first render; move the bundle away if the cluster never ran with it",
        )
    try:
        text = source.read_bytes()
    except OSError as error:
        raise UsageInvalid(f"cannot read {source}: {error.strerror}") from None
    identities = list_identities(checked.spec)
    bundle = create_bundle(
        checked.spec.cluster,
        identities,
        years=checked.spec.certificates.years,
        now=datetime.now(UTC),
        entropy=entropy_source.token_bytes,
        gossip_key=read_gossip_key(text),
    )
    save_bundle(path, bundle)
    count = len(identities)
    ConsoleReporter(quiet=False).step(f"{path}: made for {count} machines with the key of {source}")


@command.command("reissue")
@SPEC
@click.argument("node")
@BUNDLE
def reissue(spec: Path, node: str, bundle_path: Path | None) -> None:
    """Issue NODE's certificate and key anew: its address or role changed, or its key was lost.

    Everything else stays. Render afterwards and bring the new files to the machine.
    """
    checked = check_and_print(spec)
    path = demand_bundle(locate_bundle(checked, bundle_path))
    identities = {identity.name: identity for identity in list_identities(checked.spec)}
    if node not in identities:
        raise UsageInvalid(f"no such machine: {node}", hint=f"the spec has {', '.join(sorted(identities))}")
    old = load_bundle(path)
    new = reissue_node(
        old,
        identities[node],
        years=checked.spec.certificates.years,
        now=datetime.now(UTC),
        entropy=entropy_source.token_bytes,
    )
    save_bundle(path, new, replace=True)
    ConsoleReporter(quiet=False).step(f"{path}: issued the certificate of {node} anew")
