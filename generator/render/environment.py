"""The Jinja environment and the hand-written files, read once per process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from generator.layout import find_resources
from generator.render.quoting import FILTERS

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def create_environment() -> Environment:
    """Return the environment over `templates/`, which knows our quoting filters and nothing else.

    Made once per process: compiled templates serve all nodes.

    A missing variable is an error.  HTML autoescape is off: no output is HTML, and
    a second escape would corrupt it; every expression ends in a quoting filter
    instead, which a test demands.
    """
    environment = Environment(
        loader=FileSystemLoader(find_resources() / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 -- reason in the docstring
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters = dict(FILTERS)
    return environment


@cache
def load_template(name: str) -> Template:
    """Return the compiled template `name`, relative to `templates/`."""
    return create_environment().get_template(name)


@cache
def read_static(path: str) -> bytes:
    """Return a hand-written file of `packer/` or `kickstart/`."""
    return (find_resources() / path).read_bytes()


class StaticFiles:
    """The hand-written files by their paths, for templates."""

    def __getitem__(self, path: str) -> bytes:
        """Return a file's bytes."""
        return read_static(path)


@cache
def list_static(folder: str) -> tuple[str, ...]:
    """Return the files below `folder` of the resources, sorted, relative to the resources."""
    root = find_resources()
    return tuple(
        sorted(path.relative_to(root).as_posix() for path in (root / folder).rglob("*") if path.is_file())
    )
