# Copy the build's public key from the disc that this kickstart came from.
# In: build_user.
set -eu
: "${build_user:?}"

source=/run/holster-oemdrv
mkdir -p "$source"
mount -o ro -L OEMDRV "$source"
install -d -m 0700 "/mnt/sysimage/home/$build_user/.ssh"
cat "$source"/*.pub > "/mnt/sysimage/home/$build_user/.ssh/authorized_keys"
chmod 0600 "/mnt/sysimage/home/$build_user/.ssh/authorized_keys"
umount "$source"
