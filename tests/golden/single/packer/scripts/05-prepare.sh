#!/bin/bash
# Wait until the machine has settled; mount the disc of artifacts.
# In: HOLSTER_ARTIFACTS, where the disc is mounted; HOLSTER_OFFLINE, true when it must be there.
set -euo pipefail

if command -v cloud-init > /dev/null; then
    # Its own complaints are not ours: the base image may be anybody's.
    cloud-init status --wait > /dev/null || true
fi

disc=/dev/disk/by-label/HOLSTER
if [ -e "$disc" ]; then
    mkdir -p "$HOLSTER_ARTIFACTS"
    mount -o ro "$disc" "$HOLSTER_ARTIFACTS"
    echo "artifacts: $(find "$HOLSTER_ARTIFACTS" -type f | wc -l) files on the disc"
elif [ "$HOLSTER_OFFLINE" = true ]; then
    echo "the disc of artifacts (label HOLSTER) is not there" >&2
    exit 1
fi
