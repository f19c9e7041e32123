#!/bin/bash
# Make the locales of the spec where packages only bring their sources; elsewhere packages brought them.
# In: HOLSTER_LOCALES, names separated by spaces; HOLSTER_FAMILY, rpm or deb.
set -euo pipefail

[ "$HOLSTER_FAMILY" = deb ] || exit 0
read -r -a locales <<< "$HOLSTER_LOCALES"
[ "${#locales[@]}" -gt 0 ] || exit 0
for locale in "${locales[@]}"; do
    codeset=${locale#*.}
    # The list is read again when the package is updated.
    printf '%s %s\n' "$locale" "${codeset%%@*}" >> /etc/locale.gen
done
locale-gen
