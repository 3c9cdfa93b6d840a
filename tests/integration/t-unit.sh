#!/bin/sh
# The unit says nothing that systemd does not know, is confined well, and the
# user that it names is the one that sysusers makes.
set -u
src=${top_srcdir:-.}/etc
command -v systemd-analyze >/dev/null 2>&1 || {
	echo "systemd-analyze is not there"
	exit 77
}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
check()
{
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "failed: $1"
	fi
}

# verify also looks for the programs, which need not be installed here.
unit=$tmp/trackupd.service
sed -e 's|@sbindir@/trackupd|/bin/true|' -e "s|@sysconfdir@|/etc|" \
    -e 's|^ExecReload=/bin/kill|ExecReload=/bin/true|' \
    "$src/trackupd.service.in" >"$unit"
cp "$src/trackupd.socket" "$tmp"
said=$(systemd-analyze verify --man=no "$unit" "$tmp/trackupd.socket" 2>&1)
rc=$?
printf '%s' "$said"
# It exits with 0 on unknown keys: any word is a fault.
[ "$rc" -eq 0 ] && [ -z "$said" ]
check "systemd-analyze verify" $?
systemd-analyze security --offline=true --threshold=15 "$unit" \
    >"$tmp/security" 2>&1
check "systemd-analyze security, exposure at most 1.5" $?
grep -q '@[a-z]*@' "$unit"
[ $? -eq 1 ]
check "no placeholder is left" $?
user=$(sed -n 's/^User=//p' "$unit")
grep -q "^u  *$user " "$src/trackupd.sysusers"
check "sysusers makes the user of the unit" $?
# Members of control.group reach the socket, and the daemon may give it to them.
grep -q '^RuntimeDirectoryMode=0755$' "$unit"
check "the directory of the socket lets operators through" $?
! grep -q '^PrivateUsers=yes' "$unit"
check "no private users, who have no groups but their own" $?

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
