# Name what the installer did not find: it left out optional and needed packages alike, without a word.
# In: needed, optional (names separated by spaces).
set -eu
: "${needed:?}" "${optional?}" "${console:=/dev/console}"

say() {
    echo "holster: $1" >&2
    echo "holster: $1" > "$console" 2>/dev/null || true
}

# list_absent NAME...: also what another package provides is there.
list_absent() {
    for name in "$@"; do
        rpm --query --whatprovides "$name" > /dev/null 2>&1 || printf ' %s' "$name"
    done
}

# shellcheck disable=SC2086 # lists of names
absent=$(list_absent $optional)
[ -z "$absent" ] || say "no repository has these optional packages:$absent"
# shellcheck disable=SC2086
absent=$(list_absent $needed)
if [ -n "$absent" ]; then
    say "installation failed: no repository has$absent. Add a repository that has them (repositories), or correct the names (platform_overrides, components)"
    exit 1
fi
