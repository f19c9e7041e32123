"""The command line: the only room that prints, reads argv and the environment, and exits.

In: arguments.  Out: text, files and an exit code.

Each command lives in a module of its own that is imported when it is called, so
that `holster --help` answers at once.
"""

from __future__ import annotations

import importlib
import sys

import click

from generator import __version__
from generator.cli.signals import ends_as_interrupts
from generator.cli.terminal import drop_output, print_failure, tolerate_encoding
from generator.errors import EnvironmentFailed, HolsterError, UsageInvalid

INTERRUPTED = 130
UNREAD = 141
"""As a shell tells a program that SIGPIPE ended: nobody read the answer, whatever it was."""

COMMANDS = {
    "init": "Write a short commented spec to start from.",
    "check": "Report every problem of a spec; write nothing.",
    "show": "Show the resolved cluster: machines, roles, disks, VIP, datacenter.",
    "render": "Make every artefact of every machine from a spec.",
    "verify": "Have every rendered file read back by the program that will consume it.",
    "build": "Build the golden image with Packer.",
    "artifacts": "Look after the files of a build without a network.",
    "boot": "Boot the cluster from its seeds in QEMU.",
    "lab": "Measure the cluster in QEMU.",
    "schema": "Print the JSON Schema of the spec, for editors.",
    "secrets": "Create, show, import or reissue the secrets of a cluster.",
}
"""Command -> its line in the help; the module has the command's name."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they are used."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or None for an unknown name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"generator.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown name is compared with those of the table."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 spec, bundle or artifacts invalid, 2 usage, 3 an outside tool or the disk "
    "failed, 4 our own output was rejected, 130 interrupted, "
    "141 nobody read the answer.",
)
@click.version_option(__version__, prog_name="holster")
def cli() -> None:
    """Render fault-tolerant PostgreSQL clusters that are configured on their first boot.

    One YAML spec goes in; out come, per machine, the kickstart, the cloud-init
    user-data with its seed ISO, and the Consul, Patroni and vip-manager
    configuration; per cluster, what Packer needs for the golden image.
    """


def fail(error: HolsterError) -> int:
    """Print an expected failure and return the exit code it carries."""
    print_failure(error)
    return error.exit_code


def explain_usage(error: click.UsageError) -> UsageInvalid:
    """Return click's finding about the command line in the form of all our messages."""
    message = error.format_message().rstrip(".")
    command = error.ctx.command_path if error.ctx else "holster"
    return UsageInvalid(message[:1].lower() + message[1:], hint=f"`{command} --help` tells what it takes")


def say_interrupted() -> int:
    """Say that the user ended us and return the exit code."""
    click.echo("interrupted; nothing half-made was left behind", err=True)
    return INTERRUPTED


def run() -> int:
    """Run the command line and return its exit code; every expected failure has been printed."""
    output = sys.stdout
    try:
        return _run()
    except (BrokenPipeError, SystemExit) as error:
        # Where a write finds no reader (holster show | head) click exchanges the streams and ends with 1,
        # which here means an invalid spec.
        if isinstance(error, SystemExit) and sys.stdout is output:
            raise
        drop_output()
        return UNREAD


def _run() -> int:
    try:
        code = cli.main(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Abort:
        code = say_interrupted()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.UsageError as error:
        code = fail(explain_usage(error))
    except HolsterError as error:
        code = fail(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        code = fail(EnvironmentFailed(f"cannot write {error.filename or 'the answer'}: {error.strerror}"))
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command line and end the process with its exit code."""
    tolerate_encoding()
    with ends_as_interrupts() as interruption:
        try:
            code = run()
        except Exception:
            if not interruption.has_come:
                raise
            code = say_interrupted()
        sys.exit(code)
