"""The operating system, and who may log in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from generator.spec.fields import (
    KeyboardLayout,
    Locale,
    PasswordHash,
    TimeZone,
    UnixName,
)
from generator.spec.model.base import SpecModel
from generator.spec.network_fields import DnsName
from generator.spec.ssh_fields import SshPublicKey


class AccessSpec(SpecModel):
    """Who may log in; keys only, no passwords over the network."""

    user: UnixName = "holster"
    """The administrator's user, who may use sudo."""
    ssh_keys: Annotated[tuple[SshPublicKey, ...], Field(max_length=200)] = ()
    """The administrator's public keys. Default: none, with a warning."""
    console_password_hash: PasswordHash | None = None
    """The hash of a password for the console only, as `openssl passwd -6` prints it. Default: none."""


class SystemSpec(SpecModel):
    """Operating system settings."""

    timezone: TimeZone = "Europe/Moscow"
    """Time zone."""
    locale: Locale = "ru_RU.UTF-8"
    """Locale of the system."""
    keyboard: KeyboardLayout = "us"
    """Keyboard layout of the console."""
    selinux: Literal["enforcing", "permissive"] = "enforcing"
    """SELinux mode, where the platform has SELinux."""
    swappiness: Annotated[StrictInt, Field(ge=0, le=100)] = 1
    """vm.swappiness."""
    domain: DnsName | None = None
    """Domain of the host names. Default: `<cluster>.internal`."""
