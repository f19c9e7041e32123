#!/bin/bash
# Compile the first-boot program for this system's Python: else every start of it compiles all of it.
# Another Python ignores what was compiled and reads the sources, which stay in the archive.
# In: HOLSTER_NODE_PROGRAM, the program.
set -euo pipefail

interpreter=$(head -n 1 "$HOLSTER_NODE_PROGRAM")
interpreter=${interpreter#'#!'}
work=$(mktemp -d)
"$interpreter" -m zipfile -e "$HOLSTER_NODE_PROGRAM" "$work"
# Unchecked: the archive is never changed in place, and its entries carry no useful times.
"$interpreter" -m compileall -q -b --invalidation-mode unchecked-hash -d "$HOLSTER_NODE_PROGRAM" "$work"
"$interpreter" -m zipapp "$work" --python "$interpreter" --output "$HOLSTER_NODE_PROGRAM"
chmod 0755 "$HOLSTER_NODE_PROGRAM"
rm -rf "$work"
