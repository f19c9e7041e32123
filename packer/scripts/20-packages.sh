#!/bin/bash
# Install every package that the first boot needs; afterwards no repository is asked again.
# In: HOLSTER_PACKAGES and HOLSTER_OPTIONAL_PACKAGES (left out where no repository has them), names separated
# by spaces; HOLSTER_FAMILY, rpm or deb;
# HOLSTER_ARTIFACTS, whose folder packages/ is used instead of the repositories when it is there.
set -euo pipefail

read -r -a packages <<< "$HOLSTER_PACKAGES"
read -r -a optional <<< "$HOLSTER_OPTIONAL_PACKAGES"
repository=$HOLSTER_ARTIFACTS/packages
case $HOLSTER_FAMILY in
rpm)
    source=()
    if [ -d "$repository/repodata" ]; then
        # The digests of the files were compared before the disc was made.
        source=(--disablerepo='*' "--repofrompath=holster-disc,file://$repository" --setopt=holster-disc.gpgcheck=0)
    fi
    dnf --assumeyes "${source[@]}" install "${packages[@]}"
    if [ "${#optional[@]}" -gt 0 ]; then
        # Not strict: what is not there, or cannot be installed, is left out. The image check names it.
        dnf --assumeyes "${source[@]}" --setopt=strict=0 install "${optional[@]}"
    fi
    # Last, because cloud-init would configure the machine that builds the image.
    dnf --assumeyes "${source[@]}" install cloud-init
    ;;
deb)
    # Offline: else each package has systemd read all units anew, seconds each without hardware virtualisation.
    export DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1
    # No cluster on installation: Patroni initialises it on its own volume.
    # Nor is any other service started: the image only carries them.
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod 0755 /usr/sbin/policy-rc.d
    mkdir -p /etc/postgresql-common
    printf 'create_main_cluster = false\n' > /etc/postgresql-common/createcluster.conf
    source=()
    if [ -f "$repository/Packages" ]; then
        lists=$(mktemp -d /run/holster-apt.XXXXXX)
        printf 'deb [trusted=yes] file:%s ./\n' "$repository" > "$lists/disc.list"
        source=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$lists" -o Acquire::Languages=none)
    fi
    apt-get --quiet=2 "${source[@]}" update
    apt-get --quiet=2 --yes "${source[@]}" --option DPkg::Use-Pty=0 --option DPkg::Options::=--force-unsafe-io \
        --no-install-recommends install "${packages[@]}" cloud-init
    for name in "${optional[@]}"; do
        # Tried first: apt refuses a whole list for one name.
        if apt-get --quiet=2 "${source[@]}" --simulate --no-install-recommends install "$name" > /dev/null 2>&1; then
            apt-get --quiet=2 --yes "${source[@]}" --option DPkg::Use-Pty=0 --no-install-recommends install "$name"
        fi
    done
    rm /usr/sbin/policy-rc.d
    ;;
*)
    echo "unknown package family: $HOLSTER_FAMILY" >&2
    exit 1
    ;;
esac
