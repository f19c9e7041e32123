"""What the check inside the golden image expects; JSON, because a program reads it.

Nothing here is secret: names, paths and versions only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from generator.layout import NodePaths
from generator.postgresql.encodings import normalise_locale

if TYPE_CHECKING:
    from generator.resolve.cluster import ResolvedCluster

POSTGRESQL_PROGRAMS = ("initdb", "pg_ctl", "pg_rewind", "pg_basebackup", "psql")


def describe_image(cluster: ResolvedCluster) -> dict[str, Any]:
    """Return the expectations; `packer/image-check.py` says what each key means."""
    facts = cluster.platform
    paths, users = facts.paths, facts.users
    bin_dir = cluster.postgresql_bin_dir
    programs: list[dict[str, Any]] = [
        {"path": NodePaths.node_program},
        {"path": paths.consul_binary, "version": cluster.consul.version.text, "arguments": ["version"]},
        {"path": paths.patroni_binary, "version": cluster.patroni.version.text, "arguments": ["--version"]},
        {
            "path": paths.vip_manager_binary,
            "version": cluster.vip_manager.version.text,
            "arguments": ["--version"],
        },
        {"path": f"{bin_dir}/postgres", "version": str(cluster.postgresql_major), "arguments": ["--version"]},
        *({"path": f"{bin_dir}/{name}"} for name in POSTGRESQL_PROGRAMS),
    ]
    return {
        "platform": facts.name,
        "programs": programs,
        "family": facts.family,
        "optional_packages": list(cluster.optional_packages),
        "patroni": paths.patroni_binary,
        "modules": ["patroni.dcs.consul", "patroni.psycopg"],
        "selinux": facts.has_selinux,
        "firewall": facts.firewall,
        "locales": [normalise_locale(name) for name in cluster.locales],
        "users": [users.consul, users.postgres],
        "build_user": facts.image.ssh_user,
        "units": list_service_units(cluster),
        "enabled_units": [facts.units.chrony, facts.units.ssh, NodePaths.firstboot_unit],
        "distro": facts.cloud_init.distro,
        "renderers": list(facts.cloud_init.renderers),
        "empty_folders": [paths.consul_config_dir, paths.consul_data_dir],
        "absent_files": list_configurations(cluster),
    }


def list_service_units(cluster: ResolvedCluster) -> list[str]:
    """Return the units that only the first boot may start."""
    units = cluster.platform.units
    return [units.consul, units.patroni, units.vip_manager, *cluster.postgresql_units]


def list_configurations(cluster: ResolvedCluster) -> list[str]:
    """Return the files that only a node's payload brings."""
    paths = cluster.platform.paths
    return [paths.patroni_config, paths.vip_manager_config]


def render_expectations(cluster: ResolvedCluster) -> bytes:
    """Return expected.json."""
    return (json.dumps(describe_image(cluster), indent=2, sort_keys=True) + "\n").encode()
