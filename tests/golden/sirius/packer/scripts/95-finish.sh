#!/bin/bash
# Close the way in, check the image, power off. The connection that runs this script stays open
# without its user; a new one could not be made.
# In: HOLSTER_BUILD_USER; HOLSTER_CHECK, the folder with the check and its expectations.
set -euo pipefail

# --force: the user is logged in, through the very connection that runs this.
userdel --force --remove "$HOLSTER_BUILD_USER" 2> /dev/null || true
rm -rf "/home/${HOLSTER_BUILD_USER:?}" /etc/sudoers.d/90-cloud-init-users /etc/sudoers.d/20-holster-build

python3 "$HOLSTER_CHECK/image-check.py" "$HOLSTER_CHECK/expected.json"

rm -rf "$HOLSTER_CHECK"
fstrim --all || true
sync
# After this script: Packer waits for the machine to end, and an image of a halted file system is whole.
# A timer may come a minute late unless told otherwise.
systemd-run --quiet --on-active=8 --timer-property=AccuracySec=100ms systemctl poweroff
