"""Run the first-boot program: `python -m generator.firstboot`."""

import sys

from generator.firstboot.cli import main

sys.exit(main(sys.argv[1:]))
