"""Check a spec completely: text, shape, rules, platform.  The one entry of the commands.

In: bytes of the spec.  Out: the spec with its platform, or every problem at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from generator.diagnostics import Problem
from generator.platforms.profile import PlatformProfile, list_platforms, load_profile
from generator.platforms.rules import PLATFORM_RULES
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

OVERRIDES = "platform_overrides"


@dataclass(frozen=True, slots=True)
class CheckedSpec:
    """A valid spec, its platform's profile, and warnings sorted by position.

    `sha256` is the digest of the file's bytes.
    """

    spec: ClusterSpec
    profile: PlatformProfile
    document: SourceDocument
    problems: tuple[Problem, ...]
    sha256: str


def check_spec(text: bytes, name: str) -> CheckedSpec:
    """Return the spec in `text` with the profile of its platform.

    Args:
        text: the file's bytes.
        name: the file's name, for messages.

    Raises:
        SpecInvalid: with all problems of text, shape, rules and platform.
    """
    reading = read_spec(text, name)
    profile = _find_profile(reading)
    if reading.spec is not None and profile is not None:
        reading.add(run_rules(PLATFORM_RULES, reading.pruning.removed, reading.spec, profile))
    spec, problems = reading.finish()
    if profile is None:
        raise AssertionError("a platform without a profile is always a problem")
    return CheckedSpec(spec, profile, reading.document, problems, sha256(text).hexdigest())


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
