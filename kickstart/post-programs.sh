# Copy the programs that no package brings from the disc of artifacts; no network is used.
# In: consul_program, vip_manager_program (where they go; empty where a package brings them),
# consul_has_source (not empty where the first boot can bring Consul from where the spec says).
set -eu
: "${consul_program?}" "${vip_manager_program?}" "${consul_has_source:=}"
: "${disc:=/run/holster-artifacts}" "${target:=/mnt/sysimage}"

mkdir -p "$disc"
if ! mount -o ro -L HOLSTER "$disc"; then
    [ -n "$consul_has_source" ] && [ -z "$vip_manager_program" ] && exit 0
    exit 1
fi
if [ -n "$consul_has_source" ] && [ ! -f "$disc/programs/consul" ]; then
    consul_program=
fi
[ -z "$consul_program" ] || install -D -m 0755 "$disc/programs/consul" "$target$consul_program"
[ -z "$vip_manager_program" ] || install -D -m 0755 "$disc/programs/vip-manager" "$target$vip_manager_program"
umount "$disc"
