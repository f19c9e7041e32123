#!/bin/bash
# Install the programs that come as files; make the user that Consul runs as.
# In: HOLSTER_ARTIFACTS; HOLSTER_PROGRAM_FILES, words NAME|PATH|URL|SHA256|VERSION (URL and SHA256 may be
# empty): the file programs/NAME of the disc wins over the URL. HOLSTER_NODE_PROGRAM, HOLSTER_CONSUL_USER, HOLSTER_CONSUL_DATA.
set -euo pipefail

scratch=$(mktemp -d /var/tmp/holster-programs.XXXXXX)
trap 'rm -rf "$scratch"' EXIT

# download NAME URL SHA256: the program as $scratch/NAME, also out of a zip or tar that holds it.
download() {
    if [ -z "$3" ]; then
        # Without the query: it may be a token, and this goes to the build's log.
        echo "nothing says which SHA-256 $1 from ${2%%\?*} has: components in the spec" >&2
        exit 1
    fi
    curl --fail --silent --show-error --location --retry 3 --connect-timeout 30 --output "$scratch/download" "$2"
    printf '%s  %s\n' "$3" "$scratch/download" | sha256sum --check --quiet
    # The first boot decides the same way what a file is: by its content.
    "$HOLSTER_NODE_PROGRAM" unpack "$scratch/download" "$1" "$scratch/$1" || {
        echo "${2%%\?*}: name the program or an archive that holds it, or use source: package" >&2
        exit 1
    }
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
