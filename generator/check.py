"""Check a spec completely: text, shape, rules, platform; the one entry of the commands.

In: bytes of a spec.  Out: the spec with its platform, or every problem at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from generator.diagnostics import Problem, Severity
from generator.errors import UsageInvalid
from generator.platforms.profile import PlatformProfile, list_platforms, load_profile
from generator.platforms.rules import RULES as PLATFORM_RULES
from generator.platforms.rules.facts import OVERRIDES
from generator.spec.load import read_spec
from generator.spec.rules.rule import run_rules
from generator.spec.shape import translate_errors
from generator.spec.wording import show_value, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.diagnostics import SpecPath
    from generator.spec.document import SourceDocument
    from generator.spec.load import Reading
    from generator.spec.model import ClusterSpec

OF_THE_PLATFORM = ("release", "iso_url", "iso_checksum", "base_image", "base_checksum")
"""Keys of `image` that name files of one platform."""


@dataclass(frozen=True, slots=True)
class CheckedSpec:
    """A valid spec, its platform's profile, and warnings sorted by position.

    `sha256` is the digest of the file's bytes, and of the platform where another one was asked for;
    `is_ported` says that this was so.
    """

    spec: ClusterSpec
    profile: PlatformProfile
    document: SourceDocument
    problems: tuple[Problem, ...]
    sha256: str
    is_ported: bool = False


def check_spec(text: bytes, name: str, platform: str | None = None) -> CheckedSpec:
    """Return the spec in `text` with the profile of its platform.

    Args:
        text: the file's bytes.
        name: the file's name, for messages.
        platform: takes the place of the spec's; a known one.

    Raises:
        SpecInvalid: with all problems of text, shape, rules and platform.
        UsageInvalid: the spec says things of its own platform that do not fit the other.
    """
    reading = read_spec(text, name)
    digest = sha256(text)
    is_ported = reading.spec is not None and platform not in {None, reading.spec.platform}
    if reading.spec is not None and is_ported:
        if not any(problem.severity is Severity.ERROR for problem in reading.problems):
            _demand_portable(reading.spec, name, str(platform))
        reading.spec = reading.spec.model_copy(update={"platform": platform})
        digest.update(f"\0platform {platform}".encode())
    profile = _find_profile(reading)
    if reading.spec is not None and profile is not None:
        reading.add(run_rules(PLATFORM_RULES, reading.pruning.removed, reading.spec, profile))
    spec, problems = reading.finish()
    if profile is None:
        raise AssertionError("a platform without a profile is always a problem")
    return CheckedSpec(spec, profile, reading.document, problems, digest.hexdigest(), is_ported)


def _demand_portable(spec: ClusterSpec, name: str, platform: str) -> None:
    """Refuse what holds for the spec's own platform only: packages, addresses, discs."""
    found = [key for key in ("platform_overrides", "repositories") if getattr(spec, key)]
    found += [f"image.{key}" for key in OF_THE_PLATFORM if getattr(spec.image, key) is not None]
    for component in ("consul", "patroni", "vip_manager", "postgresql"):
        section = getattr(spec.components, component)
        given = section.model_fields_set & {"packages", "source", "url", "sha256", "wheels"}
        found += [f"components.{component}.{key}" for key in sorted(given)]
    if found:
        raise UsageInvalid(
            f"{name} says things of {spec.platform} that do not fit {platform}: {', '.join(found)}",
            hint=f"write a spec for {platform}, or remove them",
        )


def _find_profile(reading: Reading) -> PlatformProfile | None:
    """Return the profile; None, and problems, where the platform or an override is wrong."""
    spec, removed = reading.spec, reading.pruning.removed
    if spec is None or ("platform",) in removed:
        return None
    if spec.platform not in list_platforms():
        reading.add([_describe_unknown(spec.platform)])
        return None
    if (OVERRIDES,) in removed:
        return None
    overrides = dict(spec.platform_overrides)
    if overrides.pop("name", None) is not None:
        # The profile has this field, but its file does not: the platform is named by `platform`.
        hint = "the platform is chosen by the key platform"
        path = (OVERRIDES, "name")
        reading.add(
            [Problem("unknown-key", "a platform has no fact 'name'", path=path, at_key=True, hint=hint)]
        )
    try:
        return load_profile(spec.platform, overrides)
    except ValidationError as error:
        reading.add(_describe_overrides(error, overrides))
        return None


def _describe_unknown(platform: str) -> Problem:
    known = list_platforms()
    match = suggest(platform, known)
    hint = f"did you mean '{match}'?" if match else f"known platforms: {', '.join(known)}"
    message = f"unknown platform {show_value(platform)}"
    return Problem("unknown-platform", message, path=("platform",), hint=hint)


def _describe_overrides(error: ValidationError, overrides: dict[str, Any]) -> Iterator[Problem]:
    for finding in translate_errors(error.errors(include_url=False), overrides, PlatformProfile):
        yield _below_overrides(finding.problem)


def _below_overrides(problem: Problem) -> Problem:
    path: SpecPath = (OVERRIDES, *problem.path)
    message = re.sub(r" in the spec$", f" in {OVERRIDES}", problem.message)
    return replace(problem, path=path, message=message)
