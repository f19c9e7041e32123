# This sshd reads no drop-ins: the policy goes to the head of its own file, where the first value wins.
# In: sshd_config, ssh_port.
set -eu
: "${sshd_config:?}" "${ssh_port:?}"
{
    printf 'Port %s\n' "$ssh_port"
    # Two names of one thing: before 8.7 the older one decides whether PAM asks for a password.
    printf '%s\n' 'PermitRootLogin no' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' \
        'ChallengeResponseAuthentication no' 'X11Forwarding no'
    cat "$sshd_config"
} > "$sshd_config.holster"
cat "$sshd_config.holster" > "$sshd_config"
rm -f "$sshd_config.holster"
