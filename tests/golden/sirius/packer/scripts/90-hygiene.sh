#!/bin/bash
# Remove the identity of the machine that built the image, and everything of the build itself.
# In: HOLSTER_CONSUL_CONFIG, HOLSTER_CONSUL_DATA, HOLSTER_POSTGRES_HOME, HOLSTER_CONFIGS (files of
# Patroni and vip-manager), HOLSTER_BUILD_USER, HOLSTER_FAMILY, HOLSTER_ARTIFACTS.
set -euo pipefail

# empty FOLDER...: everything below goes, the folder stays.
empty() {
    local folder
    for folder in "$@"; do
        if [ -d "$folder" ]; then
            find "$folder" -mindepth 1 -delete
        fi
    done
}

if mountpoint --quiet "$HOLSTER_ARTIFACTS"; then
    umount "$HOLSTER_ARTIFACTS"
    rmdir "$HOLSTER_ARTIFACTS"
fi

cloud-init clean --logs --seed
# What cloud-init made for this machine and `clean` leaves: its network.
rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init /etc/systemd/network/10-cloud-init-*
printf 'localhost\n' > /etc/hostname

# Empty, not missing: a missing one makes systemd treat every boot as the first.
truncate -s 0 /etc/machine-id
rm -f /var/lib/dbus/machine-id
# Stopped, it is not written again when the machine powers off.
systemctl stop systemd-random-seed.service || true
rm -f /etc/ssh/ssh_host_* /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
# Debian's self-signed certificate: every clone would have the same key.
rm -f /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem
find /etc/ssl/certs -xtype l -delete 2> /dev/null || true

read -r -a configs <<< "$HOLSTER_CONFIGS"
rm -f "${configs[@]}"
empty "$HOLSTER_CONSUL_CONFIG" "$HOLSTER_CONSUL_DATA"
rm -rf /etc/holster /var/lib/holster /pgdata /pgwal
find "$HOLSTER_POSTGRES_HOME" -mindepth 2 -maxdepth 2 \( -name data -o -name main \) -exec rm -rf {} +
empty /etc/NetworkManager/system-connections
find /var/lib/NetworkManager -type f -delete 2> /dev/null || true
find /etc/sysconfig/network-scripts -name 'ifcfg-*' ! -name ifcfg-lo -delete 2> /dev/null || true
rm -f /etc/udev/rules.d/70-persistent-* /etc/lvm/devices/system.devices
empty /etc/lvm/backup /etc/lvm/archive

rm -f /root/*-ks.cfg /root/.bash_history /root/.ssh/authorized_keys
rm -rf /var/log/anaconda /var/lib/rhsm /etc/pki/consumer
if [ "$HOLSTER_FAMILY" = rpm ]; then
    dnf clean all
    rm -rf /var/cache/dnf
else
    apt-get clean
    rm -rf /var/lib/apt/lists/*
fi
empty /run/log/journal /var/log/journal
find /var/log -type f -exec truncate -s 0 {} +
if command -v dracut > /dev/null; then
    # For every kind of machine: an initramfs of this one misses another's disk driver.
    dracut --force --regenerate-all --no-hostonly
fi
find /tmp /var/tmp -mindepth 1 -xdev -delete 2> /dev/null || true
