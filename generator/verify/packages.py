"""What is installed: a first boot needs programs that no list may lack, whatever a spec says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from generator.layout import PACKER
from generator.platforms.profile import load_profile
from generator.verify.check import OwnCheck
from generator.verify.hcl import HclInvalid
from generator.verify.kickstart import list_kickstarts
from generator.verify.packer import list_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from generator.verify.context import Context


def list_packages(kickstart: str) -> Iterator[str]:
    """Yield the lines of the sections `%packages` of a kickstart."""
    is_inside = False
    for line in kickstart.splitlines():
        if line.startswith("%"):
            is_inside = line.split()[0] == "%packages"
        elif is_inside and line.strip() and not line.startswith("#"):
            yield line.strip()


def _find_absent(needed: Iterable[str], found: Iterable[str]) -> list[str]:
    absent = sorted(set(needed) - set(found))
    return [f"does not install {', '.join(absent)}: the first boot needs it"] if absent else []


def _judge_kickstart(path: Path, needed: tuple[str, ...]) -> list[str]:
    return _find_absent(needed, list_packages(path.read_text("utf-8")))


def _judge_image(folder: Path, needed: tuple[str, ...]) -> list[str]:
    try:
        default = list_variables(folder).get("packages", {}).get("default", [])
    except HclInvalid as error:
        return [str(error)]
    return _find_absent(needed, (str(name).strip('"') for name in default))


def plan_packages(context: Context) -> Iterator[OwnCheck]:
    """Plan one check for each kickstart and one for the image."""
    output = context.output
    # Of the platform itself: what the output was rendered for may be what is wrong.
    needed = load_profile(output.platform.name).packages
    for path in list_kickstarts(output):
        yield OwnCheck("packages", output.label(path), partial(_judge_kickstart, path, needed))
    yield OwnCheck("packages", PACKER, partial(_judge_image, output.layout.packer, needed))
