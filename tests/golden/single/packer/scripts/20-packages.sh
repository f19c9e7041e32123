#!/bin/bash
# Install every package that the first boot needs; afterwards no repository is asked again.
# In: HOLSTER_PACKAGES, names separated by spaces; HOLSTER_FAMILY, rpm or deb.
set -euo pipefail

read -r -a packages <<< "$HOLSTER_PACKAGES"
case $HOLSTER_FAMILY in
rpm)
    dnf --assumeyes install "${packages[@]}"
    # Last, because cloud-init would configure the machine that builds the image.
    dnf --assumeyes install cloud-init
    ;;
deb)
    export DEBIAN_FRONTEND=noninteractive
    # No cluster on installation: Patroni initialises it on its own volume.
    mkdir -p /etc/postgresql-common
    printf 'create_main_cluster = false\n' > /etc/postgresql-common/createcluster.conf
    apt-get update
    apt-get --yes install --no-install-recommends "${packages[@]}" cloud-init
    ;;
*)
    echo "unknown package family: $HOLSTER_FAMILY" >&2
    exit 1
    ;;
esac
