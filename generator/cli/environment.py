"""What the environment says of the outside programs; only the command line reads it."""

from __future__ import annotations

import os
from pathlib import Path

from generator.tools.toolbox import ToolBox, create_toolbox

_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
NETWORK = (*_PROXIES, *(name.upper() for name in _PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR")
"""How this machine reaches the outside; only programs that download are told."""


def open_toolbox() -> ToolBox:
    """Return the programs of HOLSTER_TOOLS, if it is set, and of PATH."""
    folder = os.environ.get("HOLSTER_TOOLS")
    network = {name: os.environ[name] for name in NETWORK if name in os.environ}
    return create_toolbox(Path(folder) if folder else None, os.environ.get("PATH", ""), network)
