"""Packer: format, validate, build; with external plugins and, before 1.7, without.

Packer 1.6 has its builders inside and refuses the block `required_plugins`; 1.7 and
newer want it.  The block lies in a file of its own, which an old Packer is not given.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from generator.errors import ToolFailed
from generator.tools.process import Command, last_lines, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from generator.tools.process import Completed
    from generator.tools.toolbox import Tool

PLUGINS_SINCE: Final = "1.7"
BUILD_DEADLINE_S: Final = 3 * 3600.0
"""An installation from a disc takes an hour or two without hardware virtualisation."""
_BLOCK: Final = re.compile(r"^\s*required_plugins\b", re.MULTILINE)


def needs_plugins(tool: Tool) -> bool:
    """Say whether this Packer has its builders in plugins."""
    return tool.version is not None and tool.version.at_least(PLUGINS_SINCE)


def _environment(home: Path, plugins: Path | None) -> dict[str, str]:
    environment = {"HOME": str(home), "CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1"}
    # Always set: Packer must not look for plugins where the user has some of his own.
    environment["PACKER_PLUGIN_PATH"] = str(plugins or home / "no-plugins")
    return environment


def check_packer_format(tool: Tool, folder: Path, scratch: Path) -> tuple[str, ...]:
    """Return the files that `packer fmt` would change."""
    answer = run(
        Command(
            argv=[tool.path, "fmt", "-check", "-diff", folder],
            purpose=f"check the format of {folder.name} with {tool.label}",
            environment=_environment(scratch, None),
            accepted=(0, 1, 3),
        )
    )
    return (answer.output or "packer fmt would change it",) if answer.exit_code else ()


def copy_for(tool: Tool, folder: Path, target: Path) -> Path:
    """Return a copy of the Packer folder that this Packer can read."""
    shutil.copytree(folder, target)
    if not needs_plugins(tool):
        for path in target.glob("*.pkr.hcl"):
            if _BLOCK.search(path.read_text("utf-8")):
                path.unlink()
    return target


def check_packer_config(
    tool: Tool, folder: Path, scratch: Path, *, variables: Mapping[str, str], plugins: Path | None
) -> tuple[str, ...]:
    """Return what `packer validate` says against the folder.

    Args:
        tool: Packer.
        folder: what `copy_for` made; the files that it names must exist.
        scratch: a private folder that stands in for HOME.
        variables: values of variables without a default.
        plugins: the plugin folder, for Packer 1.7 and newer.
    """
    argv: list[str | Path] = [tool.path, "validate"]
    for name, value in variables.items():
        argv += ["-var", f"{name}={value}"]
    answer = run(
        Command(
            argv=[*argv, "."],
            purpose=f"validate {folder.name} with {tool.label}",
            cwd=folder,
            environment=_environment(scratch, plugins),
            accepted=(0, 1),
        )
    )
    return (answer.output,) if answer.exit_code else ()


@dataclass(frozen=True, slots=True)
class Message:
    """One line that Packer says to people; `kind` is say, message or error."""

    kind: str
    text: str


def parse_message(line: str) -> Message | None:
    """Return what a line of `-machine-readable` says to people; None for all other lines.

    The form is `time,target,type,data…`; commas and line ends inside data are escaped.
    """
    parts = line.split(",", 4)
    if len(parts) != 5 or parts[2] != "ui":  # noqa: PLR2004 -- the five parts of the form
        return None
    text = parts[4].replace("%!(PACKER_COMMA)", ",").replace("\\n", "\n").replace("\\r", "")
    return Message(parts[3], re.sub(r"^(==>|   ) [\w.-]+: ?", "", text, flags=re.MULTILINE).strip())


def prepare_plugins(
    tool: Tool, folder: Path, scratch: Path, plugins: Path | None, network: Mapping[str, str]
) -> None:
    """Fetch the plugins that the folder names, where they are not in the plugin folder already.

    Args:
        tool: Packer.
        folder: what `copy_for` made.
        scratch: a private folder that stands in for HOME.
        plugins: the plugin folder.
        network: how the outside is reached, as variables.

    Raises:
        ToolFailed: they are neither here nor can be fetched.
    """
    if not needs_plugins(tool):
        return
    answer = run(
        Command(
            argv=[tool.path, "init", "."],
            purpose="prepare Packer's plugins",
            cwd=folder,
            environment={**network, **_environment(scratch, plugins)},
            timeout_s=600,
            accepted=None,
        )
    )
    if answer.exit_code:
        raise ToolFailed(
            "Packer's plugin for QEMU is not there, and it could not be fetched:\n"
            + last_lines(answer.output),
            hint="without a network: `packer plugins install --path FILE github.com/hashicorp/qemu` with "
            "PACKER_PLUGIN_PATH set to the folder packer-plugins of what HOLSTER_TOOLS names",
        )


def build_image(  # noqa: PLR0913 -- each is one word of the command or of its environment
    tool: Tool,
    folder: Path,
    scratch: Path,
    *,
    cache: Path,
    source: str,
    variables: Path,
    plugins: Path | None,
    network: Mapping[str, str],
    log: Path,
    search_path: str,
    on_message: Callable[[Message], None],
) -> Completed:
    """Run `packer build` for one source; the exit code is the caller's to judge.

    Args:
        tool: Packer.
        folder: what `copy_for` made.
        scratch: a private folder: HOME and temporary files.
        cache: where the installer's disc is kept when it is downloaded.
        source: "qemu.base" or "qemu.iso".
        variables: a JSON file of variables; secrets are never among them.
        plugins: the plugin folder, for Packer 1.7 and newer.
        network: how the outside is reached, as variables: Packer downloads the installer's disc.
        log: where Packer's own log goes, which alone holds QEMU's words.
        search_path: where Packer finds qemu-system-x86_64, qemu-img and xorriso.
        on_message: hears what Packer says, line by line.

    Raises:
        ToolMissing, ToolFailed: Packer cannot be started, or was interrupted.
    """

    def hear(line: str) -> None:
        message = parse_message(line)
        if message is not None and message.text:
            on_message(message)

    environment = {
        **network,
        **_environment(scratch, plugins),
        "PATH": search_path,
        "TMPDIR": str(scratch),
        "PACKER_CACHE_DIR": str(cache),
        "PACKER_LOG": "1",
        "PACKER_LOG_PATH": str(log),
    }
    return run(
        Command(
            argv=[
                *(tool.path, "build", "-machine-readable", "-on-error=cleanup"),
                *(f"-only={source}", f"-var-file={variables}", "."),
            ],
            purpose="build the image",
            cwd=folder,
            environment=environment,
            timeout_s=BUILD_DEADLINE_S,
            accepted=None,
        ),
        on_line=hear,
    )
