"""The program on the machine: its first boot, and what is to be done on every one.

In: `node.json`.  Out: a running member, `status.json` and an exit code.

Runs on the machine itself, on Python 3.8 or newer, with the standard library only.
Imports nothing else of the project; shipped as one zipapp.
"""

VERSION = "0.1.0"
