"""The first-boot program: turns the payload of one machine into a running member.

Runs on the node itself, on Python 3.8 or newer, with the standard library only.
Imports nothing else of the project; shipped as one zipapp.
"""

VERSION = "0.1.0"
