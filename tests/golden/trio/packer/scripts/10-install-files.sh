#!/bin/bash
# Put the uploaded files (first-boot program, repositories, the cloud-init drop-in) in their places.
# In: HOLSTER_FILES, the uploaded folder; its paths are the paths on the system.
set -euo pipefail

chown -R root:root "$HOLSTER_FILES"
find "$HOLSTER_FILES" -type d -exec chmod 0755 {} +
find "$HOLSTER_FILES" -type f -exec chmod 0644 {} +
# The upload does not keep modes; programs are what lies in a folder of programs.
find "$HOLSTER_FILES" -type f -path '*/sbin/*' -exec chmod 0755 {} +
cp -a --no-preserve=context "$HOLSTER_FILES/." /
rm -rf "$HOLSTER_FILES"
