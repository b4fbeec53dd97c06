# Read a dkms.conf as dkms does and print what it sets, NUL after each:
# NAME[INDEX]=VALUE. It is a shell fragment that may do anything; what it
# prints itself goes to standard error.
exec 3>&1 >&2 </dev/null

conf=$1
shift
variables=(
	PACKAGE_NAME PACKAGE_VERSION BUILT_MODULE_NAME BUILT_MODULE_LOCATION
	DEST_MODULE_NAME DEST_MODULE_LOCATION MAKE MAKE_MATCH CLEAN PRE_BUILD
	POST_BUILD PATCH PATCH_MATCH BUILD_EXCLUSIVE_KERNEL
	BUILD_EXCLUSIVE_KERNEL_MIN BUILD_EXCLUSIVE_KERNEL_MAX
	BUILD_EXCLUSIVE_ARCH BUILD_EXCLUSIVE_CONFIG BUILD_DEPENDS OBSOLETE_BY
)
unset "${variables[@]}"
for _assignment; do
	declare "$_assignment"
done

. "$conf"

for _name in "${variables[@]}"; do
	declare -n _value=$_name
	for _i in "${!_value[@]}"; do
		# dkms prints the values unquoted, and reads what it printed between
		# double quotes: blanks shrink, and a second expansion takes place.
		_words=(${_value[_i]%$'\r'})
		eval "_text=\"${_words[*]}\""
		printf '%s[%s]=%s\0' "$_name" "$_i" "$_text" >&3
	done
done
printf 'end\0' >&3
