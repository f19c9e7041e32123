#!/bin/bash
# Write down what is installed, one line each: name, version, architecture, licence (rpm only).
# In: HOLSTER_INVENTORY, the file; HOLSTER_FAMILY. The build fetches it for the bill of materials.
set -euo pipefail

if [ "$HOLSTER_FAMILY" = rpm ]; then
    rpm -qa --qf '%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\t%{LICENSE}\n'
else
    # shellcheck disable=SC2016 # for dpkg-query, not for the shell
    dpkg-query --show --showformat '${Package}\t${Version}\t${Architecture}\t\n'
fi | sort > "$HOLSTER_INVENTORY"
chmod 0644 "$HOLSTER_INVENTORY"
