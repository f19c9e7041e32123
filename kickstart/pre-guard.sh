# Refuse to install when the install disk is missing, ambiguous, or holds what the installer never made there.
# In: install_disk (a path); data_disk, wal_disk (KIND=VALUE, KIND one of path, serial, wwn; empty where the
# spec names no disk: on machines without data volumes, and with a size rule); smallest_mib (what the
# installer's partitions need).
set -eu
: "${install_disk:?}" "${data_disk?}" "${wal_disk?}" "${smallest_mib:?}" "${sysfs:=/sys/class/block}"

refuse() {
    echo "holster: installation refused: $1" >&2
    echo "holster: installation refused: $1" > /dev/console 2>/dev/null || true
    exit 1
}

# ask_disk COLUMN: what lsblk says of the install disk itself, without its partitions.
ask_disk() {
    answer=$(lsblk --nodeps --noheadings --bytes --output "$1" "$resolved") ||
        refuse "lsblk does not say the $1 of $install_disk"
    printf '%s\n' "$answer" | sed 's/^ *//; s/ *$//'
}

# Both bring each line into the one form of the first boot: programs differ in prefix, case, dashes, spaces.
normalise_wwn() {
    tr '[:upper:]' '[:lower:]' | sed -E 's/^(0x|naa\.|eui\.|uuid\.|nvme\.)//; s/-//g; s/^[23]([0-9a-f]{16}|[0-9a-f]{32})$/\1/'
}
normalise_serial() {
    sed -E 's/^ +//; s/ +$//; s/[^A-Za-z0-9#+.:=@/-]+/_/g'
}

has_wwn() {
    printf '%s\n' "$identities" | normalise_wwn | grep -qxF -- "$(printf '%s\n' "$1" | normalise_wwn)"
}

# has_serial SERIAL: virtio-blk, SATA and NVMe show the first 20 characters of it, QEMU's SCSI disks 36.
has_serial() {
    for shown in "$1" "$(printf %.20s "$1")" "$(printf %.36s "$1")"; do
        shown=$(printf '%s\n' "$shown" | normalise_serial)
        printf '%s\n' "$identities" | normalise_serial | grep -qxF -- "$shown" && return
    done
    return 1
}

# has_path PATH: also one that leads to nothing here, or elsewhere: without multipath the same disk has several.
has_path() {
    [ "$(readlink -f "$1")" != "$resolved" ] || return 0
    named=$(printf '%s\n' "$1" | sed -nE \
        -e 's,^/dev/disk/by-id/(wwn-|scsi-|dm-uuid-mpath-),,p' -e 's,^/dev/disk/by-id/nvme-(eui|uuid|nvme)\.,,p')
    [ -n "$named" ] && has_wwn "$named"
}

# is_install_disk SELECTOR: whether the install disk is what the spec names so.
is_install_disk() {
    case $1 in
    path=*) has_path "${1#path=}" ;;
    serial=*) has_serial "${1#serial=}" ;;
    *) has_wwn "${1#wwn=}" ;;
    esac
}

udevadm settle --timeout=60 || true
[ -b "$install_disk" ] || refuse "the install disk $install_disk does not exist"
resolved=$(readlink -f "$install_disk")
kind=$(ask_disk TYPE)
[ "$kind" = disk ] || refuse "$install_disk is not a whole disk"
read_only=$(ask_disk RO)
[ "$read_only" = 0 ] || refuse "$install_disk is read-only"

size=$(ask_disk SIZE)
size_mib=$((size / 1048576))
[ "$size_mib" -ge "$smallest_mib" ] || refuse "$install_disk has $size_mib MiB; the installer's partitions (/boot, swap, /) need $smallest_mib MiB: enlarge the disk, or name another one in storage.os_disk"

# Names change between boots: the disk that the spec calls /dev/sdb may be /dev/sda now.
other="storage.os_disk must name the system's disk, best by a path below /dev/disk/by-id"
serial=$(ask_disk SERIAL)
wwn=$(ask_disk WWN)
properties=$(udevadm info --query=property --name="$resolved") || refuse "udev does not know $install_disk"
# The first boot knows a disk by the same names.
names='ID_SERIAL|ID_SERIAL_SHORT|ID_SCSI_SERIAL|SCSI_IDENT_SERIAL|ID_WWN|ID_WWN_WITH_EXTENSION'
places=$sysfs/$(basename "$resolved")
shown=$(cat "$places/serial" "$places/device/serial" "$places/wwid" "$places/device/wwid" 2>/dev/null || true)
identities=$(printf '%s\n' "$serial" "$wwn" "$shown" "$properties" | sed -E "s/^($names)=//; /^ *$/d")
for selector in "$data_disk" "$wal_disk"; do
    if [ -n "$selector" ] && is_install_disk "$selector"; then
        refuse "$install_disk is a data disk of this machine ($selector): $other"
    fi
done

# The installer makes plain partitions: an LVM disk, or a file system over the whole disk, is somebody's
# data, and what an earlier installation of ours left there is neither (trap 5).
volumes=$(lvm pvs --noheadings --options pv_name,vg_name) ||
    refuse "lvm does not say which disks are its own, so $install_disk may be one of them: see /tmp/holster-pre.log"
parts=$(lsblk --noheadings --raw --output KNAME "$resolved") || refuse "lsblk does not say what is on $install_disk"
while read -r member group; do
    [ -n "$member" ] || continue
    name=$(basename "$(readlink -f "$member")")
    if printf '%s\n' "$parts" | grep -qxF -- "$name"; then
        refuse "$install_disk carries LVM: $member of ${group:-no volume group}. The installer would erase it. If this is the wrong disk, $other. If nothing in it is needed, on any disk, run in a shell of the installer and start again: ${group:+lvm vgremove $group, then }lvm pvremove $member"
    fi
done <<LIST
$volumes
LIST
types=$(lsblk --noheadings --raw --output FSTYPE "$resolved") || refuse "lsblk does not say what is on $install_disk"
if printf '%s\n' "$types" | grep -qxF LVM2_member; then
    refuse "$install_disk carries an LVM disk that lvm does not list. The installer would erase it. If this is the wrong disk, $other. If nothing in it is needed, run in a shell of the installer and start again: wipefs --all on what lsblk --fs $resolved shows as LVM2_member"
fi
whole=$(ask_disk FSTYPE)
if [ "$whole" = mpath_member ]; then
    refuse "$install_disk is one path of a multipath disk; the installer takes plain disks only: $other"
fi
if [ -n "$whole" ]; then
    refuse "$install_disk is $whole as a whole, without partitions. The installer would erase it. If this is the wrong disk, $other. If nothing in it is needed, run in a shell of the installer and start again: wipefs --all $resolved"
fi
echo "holster: the system goes to $install_disk ($resolved)"
