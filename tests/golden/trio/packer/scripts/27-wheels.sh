#!/bin/bash
# Install Patroni from Python wheels, in an environment of its own, where no package brings it.
# In: HOLSTER_PATRONI, where the program goes (empty: a package brings it); HOLSTER_WHEELS, words
# NAME==VERSION|SHA256; HOLSTER_PYTHON, the version that runs it; HOLSTER_ARTIFACTS, whose folder wheels/
# is used instead of the package index when it is there; HOLSTER_WHEELS_HOME, the environment.
set -euo pipefail

[ -n "$HOLSTER_PATRONI" ] || exit 0
# Patroni runs as another user than the one that installs it.
umask 022
disc=$HOLSTER_ARTIFACTS/wheels
scratch=$(mktemp -d /var/tmp/holster-wheels.XXXXXX)
trap 'rm -rf "$scratch"' EXIT

python=$(command -v "python$HOLSTER_PYTHON" || command -v python3)
options=(--quiet --disable-pip-version-check --no-cache-dir --no-input --only-binary=:all:)
pip_wheel=
if [ -d "$disc" ]; then
    options+=(--no-index --find-links "$disc")
    # The system's Python may come without pip; among the wheels it is a program that needs no installation.
    pip_wheel=$(find "$disc" -name 'pip-*.whl' | sort -V | tail -n 1)
fi

read -r -a words <<< "$HOLSTER_WHEELS"
if [ "${#words[@]}" -gt 0 ]; then
    for word in "${words[@]}"; do
        # A tool of this script, no part of the environment.
        [[ $word == pip==* ]] || printf '%s --hash=sha256:%s\n' "${word%|*}" "${word#*|}"
    done > "$scratch/wheels.txt"
    wanted=(--require-hashes --requirement "$scratch/wheels.txt")
elif [ -d "$disc" ]; then
    # Their digests were compared with the manifest before the disc was made.
    mapfile -t wanted < <(find "$disc" -name '*.whl' ! -name 'pip-*.whl')
elif [ -x "$HOLSTER_PATRONI" ]; then
    exit 0 # the disk that the build started from had it
else
    echo "Patroni comes as wheels, and neither the spec (components.patroni.wheels) nor a disc names any" >&2
    exit 1
fi

if [ -n "$pip_wheel" ]; then
    "$python" -m venv --without-pip "$HOLSTER_WHEELS_HOME"
    pip=("$HOLSTER_WHEELS_HOME/bin/python3" "$pip_wheel/pip")
else
    "$python" -m venv "$HOLSTER_WHEELS_HOME"
    pip=("$HOLSTER_WHEELS_HOME/bin/python3" -m pip)
fi
"${pip[@]}" install "${options[@]}" "${wanted[@]}"

folder=$(dirname "$HOLSTER_PATRONI")
mkdir -p "$folder"
ln -sf "$HOLSTER_WHEELS_HOME/bin/patroni" "$HOLSTER_PATRONI"
ln -sf "$HOLSTER_WHEELS_HOME/bin/patronictl" "$folder/patronictl"
if command -v restorecon > /dev/null; then
    # Else SELinux takes the programs for data, and systemd may not start them.
    restorecon -R "$HOLSTER_WHEELS_HOME"
fi
