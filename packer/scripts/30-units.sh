#!/bin/bash
# Services stay disabled in the image: the first boot starts them when their turn comes.
# In: HOLSTER_UNITS, names separated by spaces.
set -euo pipefail

read -r -a units <<< "$HOLSTER_UNITS"
# Nothing runs: the packages were not started. Only those that are there, and all at once: each call
# makes systemd read every unit anew.
mapfile -t present < <(systemctl list-unit-files --no-legend --plain "${units[@]}" | cut -d ' ' -f 1)
if [ "${#present[@]}" -gt 0 ]; then
    systemctl disable "${present[@]}"
fi
