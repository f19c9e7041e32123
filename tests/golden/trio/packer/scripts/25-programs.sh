#!/bin/bash
# Install the programs that come as files; make the user that Consul runs as.
# In: HOLSTER_ARTIFACTS; HOLSTER_PROGRAM_FILES, words NAME|PATH|URL|SHA256|VERSION (URL and SHA256 may be
# empty): the file programs/NAME of the disc wins over the URL. HOLSTER_CONSUL_USER, HOLSTER_CONSUL_DATA.
set -euo pipefail

scratch=$(mktemp -d /var/tmp/holster-programs.XXXXXX)
trap 'rm -rf "$scratch"' EXIT

# download NAME URL SHA256: the program as $scratch/NAME, also out of a zip or tar that holds it.
download() {
    if [ -z "$3" ]; then
        echo "nothing says which SHA-256 $1 from $2 has: components in the spec" >&2
        exit 1
    fi
    case $2 in
    *.rpm | *.deb)
        echo "$2 is a package, not the program $1: name an archive, or use source: package" >&2
        exit 1
        ;;
    esac
    rm -rf "$scratch/unpacked"
    mkdir "$scratch/unpacked"
    curl --fail --silent --show-error --location --retry 3 --connect-timeout 30 --output "$scratch/download" "$2"
    printf '%s  %s\n' "$3" "$scratch/download" | sha256sum --check --quiet
    if python3 -m zipfile --test "$scratch/download" > /dev/null 2>&1; then
        python3 -m zipfile --extract "$scratch/download" "$scratch/unpacked"
    elif ! tar -xf "$scratch/download" -C "$scratch/unpacked" 2> /dev/null; then
        mv "$scratch/download" "$scratch/unpacked/$1"
    fi
    find "$scratch/unpacked" -type f -name "$1" -exec mv {} "$scratch/$1" \;
}

read -r -a words <<< "$HOLSTER_PROGRAM_FILES"
for word in "${words[@]}"; do
    IFS='|' read -r name path url digest _ <<< "$word"
    file=$HOLSTER_ARTIFACTS/programs/$name
    if [ ! -f "$file" ] && [ -n "$url" ]; then
        download "$name" "$url" "$digest"
        file=$scratch/$name
    fi
    if [ -f "$file" ]; then
        install -D -m 0755 -o root -g root "$file" "$path"
    else
        # The image check names it together with everything else that is missing.
        echo "not on the disc of artifacts, and the spec gives no URL: $name" >&2
    fi
done

if ! getent passwd "$HOLSTER_CONSUL_USER" > /dev/null; then
    useradd --system --user-group --home-dir "$HOLSTER_CONSUL_DATA" --no-create-home \
        --shell /usr/sbin/nologin "$HOLSTER_CONSUL_USER"
fi
