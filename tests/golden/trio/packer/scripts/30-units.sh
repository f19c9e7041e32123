#!/bin/bash
# Services stay disabled in the image: the first boot starts them when their turn comes.
# Only the first boot's own unit is enabled; without a seed it does nothing.
# In: HOLSTER_UNITS, HOLSTER_ENABLED_UNITS, names separated by spaces.
set -euo pipefail

read -r -a units <<< "$HOLSTER_UNITS"
# Nothing runs: the packages were not started. Offline: else systemd reads every unit anew, many
# seconds without hardware virtualisation. Only those that are there.
export SYSTEMD_OFFLINE=1
mapfile -t present < <(systemctl list-unit-files --no-legend --plain "${units[@]}" | cut -d ' ' -f 1)
if [ "${#present[@]}" -gt 0 ]; then
    systemctl disable "${present[@]}"
fi
read -r -a enabled <<< "$HOLSTER_ENABLED_UNITS"
systemctl enable "${enabled[@]}"
