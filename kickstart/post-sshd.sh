# This sshd reads no drop-ins: the policy goes to the head of its own file, where the first value wins.
# In: sshd_config, ssh_port.
set -eu
: "${sshd_config:?}" "${ssh_port:?}"
{
    printf 'Port %s\n' "$ssh_port"
    printf '%s\n' 'PermitRootLogin no' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' 'X11Forwarding no'
    cat "$sshd_config"
} > "$sshd_config.holster"
cat "$sshd_config.holster" > "$sshd_config"
rm -f "$sshd_config.holster"
