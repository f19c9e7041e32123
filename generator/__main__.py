"""`python -m generator` is `holster`; the installed script enters here, too."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C is an answer from the first import on."""
    try:
        from generator.cli import main as run  # noqa: PLC0415 -- the import is part of what is guarded

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
