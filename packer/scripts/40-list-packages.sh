#!/bin/bash
# Write down what is installed, one line each: kind (package, wheel, program), name, version,
# architecture, licence (rpm only), SHA-256 (programs only). The build fetches it for its manifest.
# In: HOLSTER_INVENTORY, the file; HOLSTER_FAMILY; HOLSTER_PROGRAM_FILES, words NAME|PATH|URL|SHA256|VERSION;
# HOLSTER_WHEELS_HOME, the environment of the wheels, where there is one.
set -euo pipefail

list_programs() {
    local words word name path version
    read -r -a words <<< "$HOLSTER_PROGRAM_FILES"
    for word in "${words[@]}"; do
        IFS='|' read -r name path _ _ version <<< "$word"
        # A missing one is named by the image check.
        if [ -f "$path" ]; then
            printf 'program\t%s\t%s\t\t\t%s\n' "$name" "$version" "$(sha256sum "$path" | cut -d ' ' -f 1)"
        fi
    done
}

list_wheels() {
    local python=$HOLSTER_WHEELS_HOME/bin/python3
    if [ -x "$python" ]; then
        "$python" -c 'from importlib import metadata
for each in metadata.distributions():
    print("wheel", each.metadata["Name"], each.version, "", "", "", sep="\t")'
    fi
}

{
    if [ "$HOLSTER_FAMILY" = rpm ]; then
        rpm -qa --qf 'package\t%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\t%{LICENSE}\t\n'
    else
        # shellcheck disable=SC2016 # for dpkg-query, not for the shell
        dpkg-query --show --showformat 'package\t${Package}\t${Version}\t${Architecture}\t\t\n'
    fi
    list_programs
    list_wheels
} | LC_ALL=C sort > "$HOLSTER_INVENTORY"
chmod 0644 "$HOLSTER_INVENTORY"
