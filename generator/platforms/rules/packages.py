"""Packages, and the release that they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem
from generator.platforms.defaults import find_source
from generator.platforms.rules.reads import FACTS
from generator.platforms.rules.versions import OLDEST
from generator.spec.rules.rule import Rule, rule
from generator.spec.wording import join_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec, ComponentSpec


@rule("component-packages", reads=f"{FACTS} components")
def check_packages(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """A program from a package needs the package's name."""
    for name in OLDEST:
        component: ComponentSpec = getattr(spec.components, name)
        default: ComponentSpec = getattr(profile, name)
        packages = default.packages if component.packages is None else component.packages
        if find_source(spec, profile, name) == "package" and not packages:
            message = f"{profile.title} has no package of {name}"
            hint = f"set components.{name}.packages, or source: artifact"
            yield Problem("component-packages", message, path=("components", name, "source"), hint=hint)


@rule("image-release", "image-checksum", reads=f"{FACTS} image")
def check_release(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """The installer of the release is known: where it is and which keys start it."""
    image, facts = spec.image, profile.image
    release = image.release or facts.default_release
    if image.base_image or (release is None and image.iso_url is None):
        return
    known = sorted({name for command in facts.boot_commands for name in command.releases})
    commands = [command for command in facts.boot_commands if release in command.releases]
    path = ("image", "release" if image.release else "iso_url")
    if not commands:
        subject = f"release {release} of {profile.title}" if release else f"this ISO of {profile.title}"
        message = f"no keys are known that start the installer of {subject}"
        hint = f"image.release may be {join_words(known, 'or')}" if known else "use image.base_image"
        yield Problem("image-release", message, path=path, hint=hint)
    elif all(command.firmware != image.firmware for command in commands):
        message = (
            f"no keys are known that start the installer of release {release} with {image.firmware} firmware"
        )
        yield Problem(
            "image-release", message, path=("image", "firmware"), hint=f"use {commands[0].firmware}"
        )
    elif image.iso_url is None and release not in facts.isos:
        message = f"no ISO of release {release} is known"
        yield Problem("image-release", message, path=path, hint="set image.iso_url and image.iso_checksum")
    elif image.iso_url is None and release and not (image.iso_checksum or facts.isos[release].checksum):
        message = f"no checksum of the ISO of release {release} is known"
        yield Problem("image-checksum", message, path=path, hint="set image.iso_checksum")


RULES: tuple[Rule, ...] = (check_packages, check_release)
