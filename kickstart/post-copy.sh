# Copy payload and first-boot program from the volume that this kickstart came from; no network is used.
set -eu
umask 077

target=/mnt/sysimage/root
source=/run/holster-oemdrv
mkdir -p "$source"
mount -o ro -L OEMDRV "$source"
cp "$source/payload.tar" "$target/holster-payload.tar"
cp "$source/holster-node" "$target/holster-node"
umount "$source"
