#!/bin/bash
# End the build when a program of the first boot is missing; all of them are named at once.
# In: HOLSTER_PROGRAMS, paths separated by spaces.
set -euo pipefail

read -r -a programs <<< "$HOLSTER_PROGRAMS"
missing=0
for program in "${programs[@]}"; do
    if [ ! -x "$program" ]; then
        echo "missing in the image: $program" >&2
        missing=1
    fi
done
exit "$missing"
