#!/bin/bash
# Remove the identity of the machine that built the image, and everything of the build itself.
# In: HOLSTER_CONSUL_DIRS (configuration and data), HOLSTER_BUILD_USER, HOLSTER_FAMILY.
set -euo pipefail

cloud-init clean --logs --seed || true
# Empty, not missing: a missing one makes systemd treat every boot as the first.
truncate -s 0 /etc/machine-id
rm -f /var/lib/dbus/machine-id
rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed /var/lib/systemd/credential.secret

read -r -a consul_dirs <<< "$HOLSTER_CONSUL_DIRS"
for directory in "${consul_dirs[@]}"; do
    [ -d "$directory" ] && find "$directory" -mindepth 1 -delete
done
rm -rf /etc/holster /var/lib/holster
find /etc/NetworkManager/system-connections -mindepth 1 -delete 2>/dev/null || true
find /etc/sysconfig/network-scripts -name 'ifcfg-*' ! -name ifcfg-lo -delete 2>/dev/null || true
rm -f /etc/udev/rules.d/70-persistent-*
find /etc/lvm/backup /etc/lvm/archive -mindepth 1 -delete 2>/dev/null || true

rm -f /root/*-ks.cfg /root/.bash_history /root/.ssh/authorized_keys
rm -rf /var/log/anaconda
if [ "$HOLSTER_FAMILY" = rpm ]; then
    dnf clean all
else
    apt-get clean
    rm -rf /var/lib/apt/lists/*
fi
rm -rf /run/log/journal/* /var/log/journal/*
find /var/log -type f -exec truncate -s 0 {} +
if command -v dracut > /dev/null; then
    # For every kind of machine: an initramfs of this one misses another's disk driver.
    dracut --force --regenerate-all --no-hostonly
fi

# The way in goes last; the shutdown command still runs in the session that is open.
rm -rf "/home/$HOLSTER_BUILD_USER/.ssh"
find /tmp /var/tmp -mindepth 1 -xdev ! -name 'script_*' -delete 2>/dev/null || true
fstrim -av || true
sync
