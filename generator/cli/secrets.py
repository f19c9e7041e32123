"""`holster secrets`: create, show, import, reissue."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING

import click

from generator.cli.console import (
    BUNDLE,
    SPEC,
    ConsoleReporter,
    check_and_print,
    count,
    locate_bundle,
    read_input,
)
from generator.credentials.bundle import CredentialBundle, create_bundle, replace_gossip_key
from generator.credentials.check import check_bundle
from generator.credentials.gossip import read_gossip_key
from generator.credentials.redact import redact_bundle
from generator.credentials.store import load_bundle, update_bundle
from generator.errors import UsageInvalid
from generator.pipeline import prepare_bundle, reissue_certificate
from generator.resolve.peers import list_identities

if TYPE_CHECKING:
    from collections.abc import Callable


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


@command.command("create", short_help="Make the bundle of a spec, or add its new machines.")
@SPEC
@BUNDLE
def create(spec: Path, bundle_path: Path | None) -> None:
    """Make the bundle of SPEC; what exists stays, new machines are added."""
    checked = check_and_print(spec)
    path = locate_bundle(checked, bundle_path)
    _, made, warnings = prepare_bundle(checked, path, now=datetime.now(UTC), entropy=token_bytes)
    reporter = ConsoleReporter(quiet=False)
    reporter.warn_of(warnings)
    reporter.step(f"{path}: made for {', '.join(made)}" if made else f"{path}: complete, nothing changed")


@command.command("show", short_help="Print what a bundle holds, without secret values.")
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


def take_gossip_key(
    old: CredentialBundle | None,
    key: str,
    *,
    cluster: str,
    replace: bool,
    create: Callable[[], CredentialBundle],
) -> CredentialBundle:
    """Return the bundle with this gossip key; the same object if it has it.

    Raises:
        BundleInvalid: the bundle is another cluster's.
        UsageInvalid: the bundle has another key, which is not to be replaced.
    """
    if old is None:
        return create()
    check_bundle(old, cluster, (), None)
    if old.gossip_key.get_secret_value() == key:
        return old
    if not replace:
        raise UsageInvalid(
            "the bundle has another gossip key already",
            hint="--replace takes the new one, after the key was rotated; all other secrets stay",
        )
    return replace_gossip_key(old, key)


@command.command("import", short_help="Take over the gossip key of a running cluster.")
@SPEC
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@BUNDLE
@click.option("--replace", is_flag=True, help="Replace the gossip key of a bundle; all else in it stays.")
def import_key(spec: Path, source: Path, bundle_path: Path | None, *, replace: bool) -> None:
    """Take the gossip key of a running cluster into the bundle of SPEC, which is made when absent.

    SOURCE is the cluster's consul.hcl or consul.json, or Serf's local.keyring.
    A machine that joins must use the key that the others have: a new `encrypt`
    value is ignored where a keyring exists.
    """
    checked = check_and_print(spec)
    path = locate_bundle(checked, bundle_path)
    try:
        key = read_gossip_key(read_input(source))
    except OSError as error:
        raise UsageInvalid(f"cannot read {source}: {error.strerror}") from None
    cluster, identities, now = checked.spec.cluster, list_identities(checked.spec), datetime.now(UTC)
    create = partial(
        create_bundle,
        cluster,
        identities,
        years=checked.spec.certificates.years,
        now=now,
        entropy=token_bytes,
        gossip_key=key,
    )
    before = path.exists()
    bundle = update_bundle(
        path, lambda old: take_gossip_key(old, key, cluster=cluster, replace=replace, create=create)
    )
    reporter = ConsoleReporter(quiet=False)
    reporter.warn_of(check_bundle(bundle, cluster, (), now))
    made = "has" if before else f"made for {count(len(identities), 'machine')} with"
    reporter.step(f"{path}: {made} the gossip key of {source}")


@command.command("reissue", short_help="Issue the certificate of one machine anew.")
@SPEC
@click.argument("node")
@BUNDLE
def reissue(spec: Path, node: str, bundle_path: Path | None) -> None:
    """Issue NODE's certificate and key anew: its address or role changed, or its key was lost.

    Everything else stays. Render afterwards and bring the new files to the machine.
    """
    checked = check_and_print(spec)
    path = demand_bundle(locate_bundle(checked, bundle_path))
    reissue_certificate(checked, path, node, now=datetime.now(UTC), entropy=token_bytes)
    ConsoleReporter(quiet=False).step(
        f"{path}: issued the certificate of {node} anew; next: `holster render`, then bring the new files of "
        f"payload/etc/consul.d/tls and payload/etc/holster/tls to {node}"
    )
