"""`holster schema`: the JSON Schema of the spec."""

from __future__ import annotations

import json

import click

from generator.spec.schema import build_schema


@click.command("schema")
def command() -> None:
    r"""Print the JSON Schema of the spec (Draft 2020-12).

    Editors use it for completion; put this line first in the spec:

    \b
    # yaml-language-server: $schema=holster.schema.json
    """
    click.echo(json.dumps(build_schema(), indent=2, ensure_ascii=False))
