"""The command line: the only module that reads arguments and exits."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from typing import Any, NoReturn

from generator.node import VERSION, exits
from generator.node.facts.document import NodeInvalid, parse_node
from generator.node.facts.node import NODE_JSON
from generator.node.machine.archives import ArchiveUnusable, read_program
from generator.node.machine.clock import Clock
from generator.node.machine.command import Commands
from generator.node.machine.console import Console
from generator.node.machine.locks import RUN_LOCK, try_lock
from generator.node.machine.machine import Machine, Means
from generator.node.machine.rootfs import RootFs
from generator.node.machine.web import Web
from generator.node.runner import Interrupted, Runner
from generator.node.seals import is_sealed
from generator.node.stages import STAGES
from generator.node.status import STATUS_JSON, format_status, load_status
from generator.node.storage_service import bring_up_storage

EPILOG = """exit codes:
  0    done; for `run`: this machine is ready
  1    a stage failed; a later run may succeed
  2    the command line is wrong
  3    refused: going on could destroy data; no disk was changed
  4    /etc/holster/node.json is missing or not usable
  5    another run is under way
  130  interrupted
"""


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="holster-node",
        description="Turn the payload of this machine into a running member of its cluster.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    parser.add_argument(
        "--root", default="/", metavar="DIR", help="work on the file tree below DIR (default: /)"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser("run", help="run all stages until this machine is ready; safe to repeat")
    run.add_argument(
        "--until", metavar="STAGE", choices=[stage.name for stage in STAGES], help="stop after this stage"
    )
    commands.add_parser(
        "storage", help="activate, grow and mount the data volumes; every boot, never makes or formats one"
    )
    unpack = commands.add_parser(
        "unpack", help="take a program out of FILE, an archive or the program itself; for the image's build"
    )
    for name in ("file", "name", "target"):
        unpack.add_argument(name, metavar=name.upper())
    status = commands.add_parser("status", help="show how far the first boot is")
    status.add_argument("--json", action="store_true", help="for programs")
    return parser


def main(arguments: list[str]) -> int:
    """Run the program; return the exit code."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    fs = RootFs(options.root)
    if options.command == "status":
        return _show_status(fs, as_json=options.json)
    os.umask(0o022)
    if options.command == "unpack":
        return _unpack(fs, options.file, options.name, options.target)
    if options.command not in {"run", "storage"}:
        parser.error("a command is expected: run, storage, status or unpack")
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        machine = _open_machine(fs)
        return exits.NODE_INVALID if machine is None else _work(machine, options)
    except Interrupted:
        return exits.INTERRUPTED
    except OSError as error:
        Console(fs).say(f"this program cannot keep its records: {error}")
        return exits.FAILED


def _work(machine: Machine, options: argparse.Namespace) -> int:
    return bring_up_storage(machine) if options.command == "storage" else run_stages(machine, options.until)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise Interrupted


def _open_machine(fs: RootFs) -> Machine | None:
    console = Console(fs)
    text = fs.read(NODE_JSON)
    problems: tuple[str, ...] = ("it is missing: the payload was not delivered",)
    if text is None and os.path.lexists(str(fs.at(NODE_JSON))):
        problems = ("it is no file, too large or unreadable: deliver the payload again",)
    if text is not None:
        try:
            node = parse_node(text)
        except NodeInvalid as error:
            problems = error.problems
        else:
            commands = Commands(lambda line: console.log(f"+ {line}"))
            return Machine(node, fs, Means(commands, Clock(), Web(), console))
    for problem in problems:
        console.say(f"{NODE_JSON}: {problem}")
    console.show("\n".join(["Holster: first boot stopped, node.json cannot be used", *problems]))
    return None


def run_stages(machine: Machine, until: str | None) -> int:
    """Run the stages unless the machine is ready already; return the exit code."""
    with try_lock(machine.fs, RUN_LOCK) as is_free:
        if not is_free:
            machine.console.log("another run is under way")
            return exits.BUSY
        if until is None and is_sealed(machine):
            machine.console.log("already sealed: nothing to do")
            return exits.READY
        return Runner(machine, STAGES).run(until)


def _unpack(fs: RootFs, file: str, name: str, target: str) -> int:
    try:
        fs.write_blocks(target, read_program(str(fs.at(file)), name), 0o755)
    except (ArchiveUnusable, OSError) as error:
        sys.stderr.write(f"{file}: {error}\n")
        return 1
    return exits.READY


def _show_status(fs: RootFs, *, as_json: bool) -> int:
    data = load_status(fs)
    text = None if data is None else _format(data, as_json=as_json)
    if text is None:
        words = _describe_absence(fs)
        sys.stdout.write("null\n" if as_json else f"{words}\n")
        return exits.FAILED
    sys.stdout.write(text)
    return exits.READY


def _describe_absence(fs: RootFs) -> str:
    path = fs.at(STATUS_JSON)
    if not os.path.lexists(str(path)):
        return "the first boot has not begun"
    if path.exists() and not os.access(path, os.R_OK):
        return f"{STATUS_JSON} cannot be read by this user: ask as root"
    return f"{STATUS_JSON} is damaged; the next run writes it anew"


def _format(data: dict[str, Any], *, as_json: bool) -> str | None:
    """Return the record as text, None where something in it cannot be shown."""
    try:
        text = json.dumps(data, indent=2) + "\n" if as_json else format_status(data)
        # Half of a pair of surrogates is a text for JSON, and for nobody else.
        text.encode()
    except (ValueError, OverflowError, RecursionError):
        return None
    return text
