# Make the user that Consul runs as; a package would have made it. Give the copied programs their labels.
# In: consul_user, consul_data, consul_program, vip_manager_program.
set -eu
: "${consul_user:?}" "${consul_data:?}" "${consul_program?}" "${vip_manager_program?}"

if ! getent passwd "$consul_user" > /dev/null; then
    useradd --system --user-group --home-dir "$consul_data" --no-create-home --shell /usr/sbin/nologin "$consul_user"
fi
if command -v restorecon > /dev/null; then
    for program in "$consul_program" "$vip_manager_program"; do
        [ -z "$program" ] || restorecon "$program" || true
    done
fi
