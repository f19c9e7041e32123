"""Commands that are planned: they say what to do by hand until they exist."""

from __future__ import annotations

import click

from generator.errors import EnvironmentFailed

BY_HAND = {
    "boot": "attach output/<cluster>/nodes/<node>/seed.iso to a machine made from the golden image, "
    "then start it",
}


@click.command("pending", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.pass_context
def command(context: click.Context) -> None:
    """Not available yet; says what to do by hand."""
    name = context.info_name or ""
    raise EnvironmentFailed(
        f"holster {name} is not available in this release", hint=f"by hand: {BY_HAND.get(name, '')}"
    )
