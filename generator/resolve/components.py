"""The programs of a cluster: version, origin, packages and repositories."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from generator.platforms.defaults import (
    choose_source,
    choose_version,
    find_major,
)
from generator.postgresql.encodings import find_language
from generator.spec.locales import list_locales
from generator.versions import VersionNumber

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from generator.platforms.profile import PlatformProfile
    from generator.spec.model import (
        ClusterSpec,
        ComponentSpec,
        PatroniComponentSpec,
        RepositorySpec,
    )


@dataclass(frozen=True, slots=True)
class ResolvedComponent:
    """One program: its version and where it comes from."""

    version: VersionNumber
    source: str
    packages: tuple[str, ...]
    url: str | None
    sha256: str | None
    wheels: tuple[str, ...] = ()
    """Patroni only: `name==version sha256:digest`."""


@dataclass(frozen=True, slots=True)
class ResolvedComponents:
    """The programs of a cluster and the packages that an installation or an image needs."""

    consul: ResolvedComponent
    patroni: ResolvedComponent
    vip_manager: ResolvedComponent
    postgresql_major: int
    base_packages: tuple[str, ...]
    """The system's, which the installer of an image installs."""
    packages: tuple[str, ...]
    """The system's, PostgreSQL's and those of the programs that come as packages."""
    optional_packages: tuple[str, ...]
    """Those of `packages` without which an installation goes on."""


def _fill_all(names: Iterable[str], major: int) -> tuple[str, ...]:
    """Return the names with the PostgreSQL version in place of `{major}`, each once."""
    return tuple(dict.fromkeys(name.replace("{major}", str(major)) for name in names))


def _list_locale_packages(spec: ClusterSpec, platform: PlatformProfile) -> Iterator[str]:
    """Yield the packages that bring the spec's locales."""
    for locale in list_locales(spec, is_system_set=platform.sets_locale):
        if platform.locale_package:
            yield platform.locale_package.replace("{language}", find_language(locale))


def resolve_component(spec: ComponentSpec, default: ComponentSpec, major: int) -> ResolvedComponent:
    """Return the component with the platform's facts where the spec is silent."""
    version = choose_version(spec, default)
    # A URL of the profile names the profile's version: it is void for another one.
    url = spec.url or (default.url if version == default.version else None)
    packages = default.packages if spec.packages is None else spec.packages
    return ResolvedComponent(
        version=VersionNumber(version),
        source=choose_source(spec, default),
        packages=_fill_all(packages or (), major),
        url=url,
        sha256=spec.sha256 or (default.sha256 if url == default.url else None),
    )


def _resolve_patroni(
    spec: PatroniComponentSpec, default: PatroniComponentSpec, major: int
) -> ResolvedComponent:
    component = resolve_component(spec, default, major)
    # As the URL of a profile, its wheels are those of its version.
    wheels = default.wheels if component.version.text == default.version else ()
    return replace(component, wheels=(wheels if spec.wheels is None else spec.wheels) or ())


def _list_demanded(spec: ClusterSpec, platform: PlatformProfile, major: int) -> tuple[str, ...]:
    """Return the packages that are never optional: the system's, and what the spec names for a program."""
    components = spec.components
    sections = (components.consul, components.patroni, components.vip_manager, components.postgresql)
    own = (name for section in sections for name in section.packages or ())
    return _fill_all((*platform.packages, *own), major)


def resolve_components(spec: ClusterSpec, platform: PlatformProfile) -> ResolvedComponents:
    """Return the programs of the cluster; no secret is needed for them."""
    components = spec.components
    major = find_major(spec, platform)
    consul = resolve_component(components.consul, platform.consul, major)
    patroni = _resolve_patroni(components.patroni, platform.patroni, major)
    vip_manager = resolve_component(components.vip_manager, platform.vip_manager, major)
    postgresql = components.postgresql.packages or platform.postgresql.packages or ()
    installer = platform.kickstart.packages if platform.kickstart else ()
    locales = tuple(_list_locale_packages(spec, platform))
    parts = (consul, patroni, vip_manager)
    optional = _fill_all(platform.optional_packages, major)
    usual = (platform.consul, platform.patroni, platform.vip_manager)
    of_programs = set(_fill_all((name for part in usual for name in part.packages or ()), major))
    of_programs.update(name for part in parts for name in part.packages)
    lone = (name for name in optional if name not in of_programs)
    base = _fill_all((*installer, *platform.packages, *lone, *locales), major)
    programs = [name for part in parts if part.source == "package" for name in part.packages]
    packages = tuple(dict.fromkeys((*base, *_fill_all(postgresql, major), *programs)))
    needed = _list_demanded(spec, platform, major)
    return ResolvedComponents(
        consul=consul,
        patroni=patroni,
        vip_manager=vip_manager,
        postgresql_major=major,
        base_packages=base,
        packages=packages,
        optional_packages=tuple(
            name for name in packages if name in {*optional, *locales} and name not in needed
        ),
    )


def resolve_repositories(spec: ClusterSpec, platform: PlatformProfile) -> tuple[RepositorySpec, ...]:
    """Return where packages come from, addresses complete."""
    major = str(find_major(spec, platform))
    return tuple(
        repository.model_copy(
            update={"base_urls": tuple(url.replace("{major}", major) for url in repository.base_urls)}
        )
        for repository in (platform.repositories if spec.repositories is None else spec.repositories)
    )
