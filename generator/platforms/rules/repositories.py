"""Package repositories of a spec, be they its own or among the facts of the platform.

In: a valid spec and the platform's profile.  Out: problems with paths in the spec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from generator.diagnostics import Problem, Severity
from generator.spec.rules.names import find_repeats
from generator.spec.rules.rule import Rule, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from generator.diagnostics import SpecPath
    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import ClusterSpec, RepositorySpec

FACTS = "platform platform_overrides"
DNF_SETTINGS = "main"


def _list_repositories(
    spec: ClusterSpec, profile: PlatformProfile
) -> Iterator[tuple[SpecPath, RepositorySpec]]:
    """Yield the repositories that stand in the spec, be it among the facts of the platform."""
    if spec.repositories is not None:
        yield from ((("repositories", index), entry) for index, entry in enumerate(spec.repositories))
    elif "repositories" in spec.platform_overrides:
        for index, entry in enumerate(profile.repositories):
            yield ("platform_overrides", "repositories", index), entry


@rule(
    "duplicate-repository",
    "reserved-name",
    "unsigned-repository",
    reads=f"{FACTS} repositories.*",
    is_partial=True,
)
def check_repositories(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Repositories have one file each, and packages are signed."""
    repositories = list(_list_repositories(spec, profile))
    for path, identifier, other in find_repeats(((*path, "id"), entry.id) for path, entry in repositories):
        yield Problem(
            "duplicate-repository", f"the id {identifier} is already used", path=path, related=other
        )
    for path, entry in repositories:
        if entry.id.lower() == DNF_SETTINGS:
            message = f"a repository cannot be called {entry.id}: dnf reads its own settings there"
            yield Problem("reserved-name", message, path=(*path, "id"), hint="use a name of your own")
        if not entry.gpg_check:
            message = f"packages of {entry.id} are installed without checking who made them"
            hint = "give the repository's gpg_key and remove gpg_check: false"
            yield Problem(
                "unsigned-repository", message, Severity.WARNING, path=(*path, "gpg_check"), hint=hint
            )


@rule("repository-suite", reads=f"{FACTS} repositories")
def check_suites(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Debian's repositories have a suite, others have none."""
    for path, entry in _list_repositories(spec, profile):
        if profile.family == "deb" and not (entry.suite and entry.components):
            message = f"the repository {entry.id} needs suite and components on {profile.title}"
            yield Problem(
                "repository-suite", message, path=path, hint="such as suite: trixie, components: [main]"
            )
        elif profile.family != "deb" and (entry.suite or entry.components):
            key = "suite" if entry.suite else "components"
            message = f"repositories of {profile.title} have no {key}"
            yield Problem("repository-suite", message, path=(*path, key), hint="remove suite and components")


@rule("unsigned-repository", reads=f"{FACTS} repositories.*", is_partial=True)
def check_keys(spec: ClusterSpec, profile: PlatformProfile) -> Iterator[Problem]:
    """Signatures are checked with a key: dnf refuses every package without one.

    apt takes the keys of the system itself.
    """
    for path, entry in _list_repositories(spec, profile):
        if profile.family == "rpm" and entry.gpg_check and entry.gpg_key is None:
            message = f"nothing says which key signs the packages of {entry.id}; dnf refuses them"
            hint = "add gpg_key: a URL, or the path of a key that the system has"
            yield Problem("unsigned-repository", message, Severity.WARNING, path=path, hint=hint)


RULES: tuple[Rule, ...] = (check_repositories, check_suites, check_keys)
