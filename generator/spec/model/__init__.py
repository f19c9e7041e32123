"""The shape of a cluster spec: frozen models that refuse unknown keys, one module for each section.

In: data with positions.  Out: a ClusterSpec.

What one value must look like stands in the `*fields.py` beside this folder, what several values must
fulfil together in `rules/`.  Defaults that depend on the platform or on other values are None here and
decided in the two `defaults.py`.

The text below an attribute is its documentation: attribute_docs.py reads it from these files, so that it
costs nothing when a spec is loaded.
"""

from __future__ import annotations

from generator.spec.model.base import SpecModel
from generator.spec.model.cluster import CertificatesSpec, ClusterSpec, Durability
from generator.spec.model.failover import ConsulSpec, PatroniSpec, VipManagerSpec
from generator.spec.model.network import NetworkSpec, PortsSpec
from generator.spec.model.nodes import GroupSpec, NodeSpec, Role, TagsSpec
from generator.spec.model.postgresql import HbaRule, PostgresqlSpec, SlotSpec
from generator.spec.model.software import (
    ComponentSpec,
    ComponentsSpec,
    ImageSpec,
    PatroniComponentSpec,
    PostgresqlComponentSpec,
    RepositorySpec,
)
from generator.spec.model.storage import PATH_TAG, SELECTOR_TAG, Disk, DiskSelector, StorageSpec, VolumeSpec
from generator.spec.model.system import AccessSpec, SystemSpec

__all__ = [
    "PATH_TAG",
    "SELECTOR_TAG",
    "AccessSpec",
    "CertificatesSpec",
    "ClusterSpec",
    "ComponentSpec",
    "ComponentsSpec",
    "ConsulSpec",
    "Disk",
    "DiskSelector",
    "Durability",
    "GroupSpec",
    "HbaRule",
    "ImageSpec",
    "NetworkSpec",
    "NodeSpec",
    "PatroniComponentSpec",
    "PatroniSpec",
    "PortsSpec",
    "PostgresqlComponentSpec",
    "PostgresqlSpec",
    "RepositorySpec",
    "Role",
    "SlotSpec",
    "SpecModel",
    "StorageSpec",
    "SystemSpec",
    "TagsSpec",
    "VipManagerSpec",
    "VolumeSpec",
]
