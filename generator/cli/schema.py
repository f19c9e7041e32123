"""`holster schema`: the JSON Schema of the spec."""

from __future__ import annotations

import click

from generator.spec.schema import format_schema


@click.command(
    "schema",
    epilog="\b\nFirst line of a spec, for editors:\n# yaml-language-server: $schema=holster.schema.json",
)
def command() -> None:
    """Print the JSON Schema of the spec (Draft 2020-12).

    Editors use it to complete and to check: write it to holster.schema.json beside
    the specs, and name it in their first line.
    """
    click.echo(format_schema(), nl=False)
