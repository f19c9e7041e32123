"""Plan every check of an output folder and run them, some at a time."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from generator.errors import BundleInvalid, OutputRejected
from generator.tools.process import CANCELLATION, SCRATCH
from generator.verify.check import UNREADABLE
from generator.verify.cloud_init import plan_cloud_init
from generator.verify.consul import plan_consul
from generator.verify.context import Context
from generator.verify.files import plan_files
from generator.verify.kickstart import plan_kickstart
from generator.verify.output import load_output
from generator.verify.packages import plan_packages
from generator.verify.packer import plan_packer
from generator.verify.patroni import plan_patroni
from generator.verify.report import Verdict, VerifyReport
from generator.verify.secret_rules import plan_secrets
from generator.verify.secrets import collect_secrets
from generator.verify.seeds import plan_seeds
from generator.verify.shell import plan_shell
from generator.verify.system import plan_system
from generator.verify.systemd import plan_systemd
from generator.verify.tls import plan_tls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.credentials.bundle import CredentialBundle
    from generator.progress import Reporter
    from generator.tools.toolbox import ToolBox
    from generator.verify.check import Check
    from generator.verify.output import Output
    from generator.verify.report import CheckResult

PLANS: Final = (
    plan_files,
    plan_seeds,
    plan_secrets,
    plan_kickstart,
    plan_cloud_init,
    plan_packer,
    plan_packages,
    plan_consul,
    plan_tls,
    plan_patroni,
    plan_systemd,
    plan_system,
    plan_shell,
)
"""Every kind of check; the report keeps this order."""
DEFAULT_JOBS: Final = 4
"""Processes dominate, and most of them wait for the disk first."""


def verify_output(  # noqa: PLR0913 - the contract of the command
    directory: Path,
    *,
    tools: ToolBox,
    require_tools: bool,
    reporter: Reporter,
    bundle: CredentialBundle | None = None,
    jobs: int = DEFAULT_JOBS,
) -> VerifyReport:
    """Judge every file of one cluster's output folder.

    Args:
        directory: `output/<cluster>`; nothing in it is changed.
        tools: the outside programs.
        require_tools: whether the report counts an absent tool as an error.
        reporter: told what begins and what is rejected.
        bundle: adds secrets that no payload holds (the CA key) to what must not be found.
        jobs: how many checks run at a time.

    Raises:
        UsageInvalid: the folder is not an output folder.
        BundleInvalid: the bundle is another cluster's.
        OutputRejected: its manifest or a node.json cannot even be read.
    """
    output = load_output(directory)
    cluster = output.manifest.inputs.cluster
    if bundle is not None and bundle.cluster != cluster:
        raise BundleInvalid(
            f"the bundle belongs to the cluster {bundle.cluster}, the output to {cluster}",
            hint="name the right file with --secrets",
        )
    try:
        secrets = collect_secrets(output, bundle)
    except UNREADABLE as error:
        raise _misshapen(output, error) from None
    with tempfile.TemporaryDirectory(prefix="holster-verify-") as scratch:
        context = Context(output, Path(scratch), secrets, tools.plugins)
        checks = _plan_checks(context)
        files, machines = len(output.manifest.entries), len(output.nodes)
        reporter.step(f"Checking {files} files of {machines} machines: {len(checks)} checks")
        token = SCRATCH.set(context.scratch)
        try:
            results = _run_checks(checks, tools, secrets.values, reporter, jobs)
        finally:
            SCRATCH.reset(token)
    return VerifyReport(tuple(results), require_tools)


def _plan_checks(context: Context) -> list[Check]:
    try:
        return [check for plan in PLANS for check in plan(context)]
    except UNREADABLE as error:
        raise _misshapen(context.output, error) from None


def _misshapen(output: Output, error: Exception) -> OutputRejected:
    # Without the error's text, which may quote a secret.
    return OutputRejected(f"{output.root} has another shape than Holster renders ({type(error).__name__})")


def _run_checks(
    checks: Sequence[Check], tools: ToolBox, secrets: tuple[str, ...], reporter: Reporter, jobs: int
) -> list[CheckResult]:
    event = threading.Event()
    token = CANCELLATION.set(event)
    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="verify")
    try:
        # A copy of the context each: it carries the event into the threads.
        futures = {
            pool.submit(copy_context().run, check.run, tools, secrets): index
            for index, check in enumerate(checks)
        }
        results: dict[int, CheckResult] = {}
        for future in as_completed(futures):
            result = future.result()
            results[futures[future]] = result
            if result.verdict is Verdict.REJECTED:
                reporter.warn(f"{result.file} was rejected by {result.tool} ({result.check})")
        return [results[index] for index in range(len(checks))]
    except BaseException:
        event.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        CANCELLATION.reset(token)
