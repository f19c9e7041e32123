# Unpack the payload as root:root with its final modes; the first boot sets the owners.
set -eu
umask 022

payload=/root/holster-payload.tar
tar --extract --file "$payload" --directory / --preserve-permissions --same-owner --numeric-owner \
    --no-overwrite-dir --keep-directory-symlink
rm -f "$payload"
install -D -o root -g root -m 0755 /root/holster-node /usr/local/sbin/holster-node
rm -f /root/holster-node
if command -v restorecon > /dev/null; then
    restorecon -R /etc /usr/local/sbin || true
fi
systemctl enable holster-firstboot.service
