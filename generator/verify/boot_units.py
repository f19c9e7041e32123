"""The units around ours, reduced to their place in the order of a boot.

Unit name -> text.  Written from systemd's bootup(7) and from the ordering facts of
cloud-init (reference notes §5, trap 3), not copied: only what decides about cycles is
here, so that the answer is the same on every machine.
"""

from __future__ import annotations

from typing import Final

_EARLY: Final = "DefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target\n"


def _target(text: str = "") -> str:
    return f"[Unit]\n{text}"


def _service(text: str = "", *, program: str = "/usr/bin/true") -> str:
    return f"[Unit]\n{text}[Service]\nType=oneshot\nExecStart={program}\n"


BOOT_UNITS: Final = {
    "local-fs-pre.target": _target(_EARLY),
    "local-fs.target": _target(f"{_EARLY}After=local-fs-pre.target\n"),
    "swap.target": _target(_EARLY),
    "sysinit.target": _target(
        f"{_EARLY}Wants=local-fs.target swap.target\nAfter=local-fs.target swap.target\n"
    ),
    "sockets.target": _target(_EARLY),
    "paths.target": _target(_EARLY),
    "slices.target": _target(_EARLY),
    "timers.target": _target(_EARLY),
    "basic.target": _target(
        "DefaultDependencies=no\nConflicts=shutdown.target\nRequires=sysinit.target\n"
        "Wants=sockets.target timers.target paths.target slices.target\n"
        "After=sysinit.target sockets.target paths.target slices.target\n"
    ),
    "multi-user.target": _target("Requires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n"),
    "shutdown.target": _target("DefaultDependencies=no\nRefuseManualStart=yes\n"),
    "umount.target": _target("DefaultDependencies=no\n"),
    "network-pre.target": _target("RefuseManualStart=yes\n"),
    "network.target": _target("After=network-pre.target\nRefuseManualStart=yes\n"),
    "network-online.target": _target("After=network.target\n"),
    "nss-lookup.target": _target("RefuseManualStart=yes\n"),
    "time-set.target": _target("RefuseManualStart=yes\n"),
    "time-sync.target": _target("After=time-set.target\nWants=time-set.target\nRefuseManualStart=yes\n"),
    "NetworkManager.service": _service(
        "Wants=network.target\nAfter=network-pre.target\nBefore=network.target\n"
    ),
    "NetworkManager-wait-online.service": _service(
        "Requires=NetworkManager.service\nAfter=NetworkManager.service\nBefore=network-online.target\n"
    ),
    "firewalld.service": _service("Wants=network-pre.target\nBefore=network-pre.target\n"),
    "sshd-keygen.target": _target(),
    "chrony-wait.service": _service(
        "Wants=time-sync.target\nBefore=time-sync.target\nAfter=chronyd.service chrony.service\n"
    ),
}
"""Of every platform."""

BOOT_WANTS: Final = {
    "multi-user.target": ("NetworkManager.service", "firewalld.service"),
    "network-online.target": ("NetworkManager-wait-online.service",),
}

_LOCAL: Final = _service(
    f"{_EARLY}Wants=network-pre.target\n"
    "Before=network-pre.target NetworkManager.service\nAfter=local-fs.target\n"
)
_NETWORK: Final = _service(
    f"{_EARLY}Wants=cloud-init-local.service\n"
    "After=cloud-init-local.service NetworkManager-wait-online.service\n"
    "Before=network-online.target sshd.service ssh.service\n"
)
_CONFIG: Final = _service(
    "Wants=network-online.target cloud-config.target\nAfter=network-online.target cloud-config.target\n"
)

CLOUD_INIT_GENERATIONS: Final = {
    "cloud-init before 24.4": {
        "cloud-init-local.service": _LOCAL,
        "cloud-init.service": _NETWORK,
        "cloud-config.target": _target("After=cloud-init-local.service cloud-init.service\n"),
        "cloud-config.service": _CONFIG,
        "cloud-final.service": _service(
            "Wants=network-online.target cloud-config.service\n"
            "After=network-online.target cloud-config.service\n"
        ),
        "cloud-init.target": _target("After=multi-user.target\n"),
    },
    "cloud-init 24.4 or newer": {
        "cloud-init-local.service": _LOCAL,
        "cloud-init-network.service": _NETWORK,
        "cloud-config.target": _target("After=cloud-init-local.service cloud-init-network.service\n"),
        "cloud-config.service": _CONFIG,
        "cloud-final.service": _service(
            "Wants=network-online.target cloud-config.service\n"
            "After=network-online.target cloud-config.service multi-user.target\n"
        ),
        "cloud-init.target": _target("After=multi-user.target\n"),
    },
}
"""Since 24.4 the final stage waits for multi-user.target: what that target wants must not
wait for the final stage, or systemd deletes a job to break the cycle."""

CLOUD_INIT_WANTS: Final = (
    "cloud-init-local.service",
    "cloud-init.service",
    "cloud-init-network.service",
    "cloud-config.service",
    "cloud-final.service",
)
"""What cloud-init.target wants; it is itself wanted by multi-user.target."""


def make_vendor_service() -> str:
    """Return the stand-in of a package's service: after the network, wanted by multi-user.target."""
    return (
        "[Unit]\nAfter=network.target\n"
        "[Service]\nExecStart=/usr/bin/true\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
