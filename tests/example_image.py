"""The golden image of examples/trio.yaml: built once, kept by the content of its inputs.

    python -m tests.example_image ARTIFACTS

builds it where it is not there yet and prints its folder, `ARTIFACTS-image/<digest>`.  ARTIFACTS
is what tests/tools/install-image makes.  The tests of the image and of the lab take the same.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from generator.artifacts.folder import load_artifacts
from generator.build.image import RECORD, BuildRequest, BuiltImage, build_golden_image
from generator.build.plan import choose_base, digest_inputs
from generator.check import check_spec
from generator.cli.console import ConsoleReporter
from generator.cli.environment import open_toolbox
from generator.credentials.store import load_bundle
from generator.layout import ClusterOutput
from generator.pipeline import run_pipeline
from generator.verify.output import load_output
from generator.verify.secrets import collect_secrets

if TYPE_CHECKING:
    from generator.progress import Reporter
    from generator.tools.toolbox import ToolBox

SPEC: Final = Path(__file__).resolve().parents[1] / "examples/trio.yaml"
KEPT: Final = 3
"""Images of a GiB each; somebody may still be booting the one before."""


def order_example(artifacts_folder: Path, output: Path, bundle: Path) -> BuildRequest:
    """Return the order of the image; its folder carries the digest of its inputs.

    Args:
        artifacts_folder: base disk, packages and programs for debian13.
        output: the rendered example.
        bundle: its secrets, none of which may be in the image.
    """
    checked = check_spec(SPEC.read_bytes(), SPEC.name)
    artifacts = load_artifacts(artifacts_folder.resolve())
    base, recipe = choose_base(None, None, artifacts), ClusterOutput(output).packer
    values = collect_secrets(load_output(output), load_bundle(bundle))
    return BuildRequest(
        recipe=recipe,
        target=artifacts.root.with_name(f"{artifacts.root.name}-image")
        / digest_inputs(recipe, artifacts, base)[:16],
        name=f"{checked.spec.cluster}-{checked.profile.name}.qcow2",
        profile=checked.profile,
        image=checked.spec.image,
        artifacts=artifacts,
        base=base,
        accelerator="auto",
        secrets={secret.title: secret.value for secret in values.entries},
    )


def build_once(order: BuildRequest, tools: ToolBox, reporter: Reporter) -> BuiltImage:
    """Return the image; a second caller waits for the first and finds what it built."""
    order.target.parent.mkdir(parents=True, exist_ok=True)
    with (order.target.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = build_golden_image(order, tools, reporter)
        # Its time says when an image was last used.
        os.utime(order.target / RECORD)
        records = sorted(order.target.parent.glob(f"*/{RECORD}"), key=lambda path: path.stat().st_mtime)
        for record in records[:-KEPT]:
            shutil.rmtree(record.parent)
    return built


def main() -> int:
    """Build the image and print where it is."""
    if len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}")
        return 2
    reporter = ConsoleReporter(quiet=False)
    with tempfile.TemporaryDirectory() as scratch:
        output, bundle = Path(scratch) / "trio", Path(scratch) / "secrets.yaml"
        run_pipeline(
            check_spec(SPEC.read_bytes(), SPEC.name),
            output=output,
            bundle_path=bundle,
            now=datetime.now(UTC),
            entropy=secrets.token_bytes,
        )
        built = build_once(order_example(Path(sys.argv[1]), output, bundle), open_toolbox(), reporter)
    done = f"built in {built.seconds:.0f} s" if built.is_new else "up to date"
    reporter.step(f"{built.path}: {done}")
    sys.stdout.write(f"{built.path.parent}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
