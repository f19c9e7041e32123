"""What every check may use: the output, a private scratch folder, the secrets to hide."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generator.verify.output import Output
    from generator.verify.secrets import SecretValues


@dataclass(frozen=True, slots=True)
class Context:
    """One verification.

    Attributes:
        output: what is verified.
        scratch: a folder that only we can enter and that is removed at the end.
        secrets: the secret values of the cluster.
        plugins: Packer's plugin folder, if there is one of ours.
    """

    output: Output
    scratch: Path
    secrets: SecretValues
    plugins: Path | None = None

    def make_folder(self, purpose: str) -> Path:
        """Return a new empty folder, 0700."""
        return Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=self.scratch))
