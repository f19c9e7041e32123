# Refuse to install while a program that no package brings is missing: afterwards nothing could bring it.
# In: consul_program, vip_manager_program (where they go; empty where a package brings them),
# consul_has_source (not empty where the first boot can bring Consul from where the spec says).
set -eu
: "${consul_program?}" "${vip_manager_program?}" "${consul_has_source:=}"
: "${disc:=/run/holster-artifacts}"

refuse() {
    echo "holster: installation refused: $1" >&2
    echo "holster: installation refused: $1" > /dev/console 2>/dev/null || true
    exit 1
}

[ -z "$consul_has_source" ] || consul_program=
[ -n "$consul_program$vip_manager_program" ] || exit 0
mkdir -p "$disc"
mount -o ro -L HOLSTER "$disc" ||
    refuse "there is no disc with the label HOLSTER, which brings the programs that no package brings"
missing=
[ -z "$consul_program" ] || [ -f "$disc/programs/consul" ] || missing=" programs/consul"
[ -z "$vip_manager_program" ] || [ -f "$disc/programs/vip-manager" ] || missing="$missing programs/vip-manager"
umount "$disc"
[ -z "$missing" ] || refuse "the disc HOLSTER lacks$missing"
