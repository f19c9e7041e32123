#!/bin/bash
# Services stay disabled in the image: the first boot starts them when their turn comes.
# In: HOLSTER_UNITS, names separated by spaces.
set -euo pipefail

read -r -a units <<< "$HOLSTER_UNITS"
for unit in "${units[@]}"; do
    systemctl disable --now "$unit" 2>/dev/null || echo "not on this system: $unit"
done
