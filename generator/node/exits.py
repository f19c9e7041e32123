"""Exit codes of the program (docs/first-boot.md)."""

READY = 0
FAILED = 1
REFUSED = 3
NODE_INVALID = 4
BUSY = 5
INTERRUPTED = 130
