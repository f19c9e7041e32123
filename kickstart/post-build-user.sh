# The build user owns its key and may become root; the last script of the build removes the key.
# In: build_user.
set -eu
: "${build_user:?}"

chown -R "$build_user": "/home/$build_user/.ssh"
printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$build_user" > /etc/sudoers.d/20-holster-build
chmod 0440 /etc/sudoers.d/20-holster-build
if command -v restorecon > /dev/null; then
    restorecon -R "/home/$build_user" /etc/sudoers.d || true
fi
