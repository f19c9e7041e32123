# Refuse to install when the install disk is missing, ambiguous, or part of the cluster's data.
# In: install_disk (a path), volume_group (empty on machines without data volumes).
set -eu
: "${install_disk:?}" "${volume_group?}"

refuse() {
    echo "holster: installation refused: $1" >&2
    echo "holster: installation refused: $1" > /dev/console 2>/dev/null || true
    exit 1
}

udevadm settle --timeout=60 || true
[ -b "$install_disk" ] || refuse "the install disk $install_disk does not exist"
resolved=$(readlink -f "$install_disk")
[ "$(lsblk --nodeps --noheadings --output TYPE "$resolved" | tr -d ' ')" = disk ] ||
    refuse "$install_disk is not a whole disk"
[ "$(lsblk --nodeps --noheadings --output RO "$resolved" | tr -d ' ')" = 0 ] ||
    refuse "$install_disk is read-only"

if [ -n "$volume_group" ]; then
    # A disk that changed its name may be a data disk now: nothing of the volume group is ever cleared.
    members=$(lvm pvs --noheadings --options pv_name --select "vg_name=$volume_group" 2>/dev/null || true)
    for member in $members; do
        if lsblk --noheadings --raw --output KNAME "$resolved" | grep -qxF -- "$(basename "$(readlink -f "$member")")"; then
            refuse "$install_disk carries a physical volume of the volume group $volume_group"
        fi
    done
fi
echo "holster: the system goes to $install_disk ($resolved)"
