"""Run the first-boot program: `python -m generator.node`."""

import sys

from generator.node.cli import main

sys.exit(main(sys.argv[1:]))
