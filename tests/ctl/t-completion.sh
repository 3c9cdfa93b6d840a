#!/bin/bash
# Completion of bash, as a shell would ask for it: commands and options of the
# programs themselves, campaigns and waves of a daemon; and the words that it
# knows by heart against those of the core.
set -u
dir=$(mktemp -d) || exit 99
sock=$dir/s.sock
passed=0 failed=0 pid=
PATH=${top_builddir:?}:$PATH

finish() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid"
	rm -rf "$dir"
}
trap finish EXIT

# shellcheck disable=SC1091 # ours
. "${top_srcdir:?}/etc/trackupctl.bash"
"$top_builddir/tests/ctl/fakeapi" "$sock" >"$dir/log" 2>&1 &
pid=$!
for ((i = 0; i < 200; i++)); do
	grep -q ready "$dir/log" && break
	sleep 0.05
done

# offers WANTED WORD...: what is offered for the last of the words.
offers() {
	local want=$1 got
	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_trackupctl
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')
	if [ "$got" = "$want " ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $*: '$got', not '$want '"
	fi
}

offers 'campaign' trackupctl ca
offers 'halt' trackupctl -s "$sock" h
offers 'pause plan' trackupctl campaign p
offers 'approve list' trackupctl wave ''
offers '--digest' trackupctl campaign start --di
offers '--dry-run' trackupctl campaign abort --dr
offers '--reason' trackupctl --re
offers 'csv' trackupctl -o c
offers 'window window_fit' trackupctl campaign targets x --hold win
offers 'no_ack no_path' trackupctl campaign targets x --cause no
offers 'unverified' trackupctl campaign targets x --state u
offers 'fleet' trackupctl -s "$sock" campaign pause f
offers 'dead done draft' trackupctl -s "$sock" campaign show d
offers 'canary' trackupctl -s "$sock" wave approve fleet c
offers 'canary rest' trackupctl -s "$sock" campaign targets fleet --wave ''
offers '' trackupctl -s "$dir/none" campaign pause f
offers '' trackupctl device show A
offers "$dir/log" trackupctl campaign check "$dir/l"

# Every option of the tool that has a value is skipped with it.
options=$(sed -n 's/^	{"\([a-z-]*\)", required_argument.*/\1/p' \
    "$top_srcdir/src/ctl/main.c")
[ -n "$options" ] || failed=$((failed + 1))
for o in $options; do
	if [ "$(grep -c -- "--$o\b" "$top_srcdir/etc/trackupctl.bash")" -ge 2 ]
	then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: --$o has a value, which completion does not know"
	fi
done

# The words that it has by heart are those of the core.
words_of() { # TABLE
	sed -n "/^WORDS([a-z_]*, $1,/,/^WORDS_PARSE/p" \
	    "$top_srcdir/src/core/words.c" |
	    grep -oE '"[a-z_0-9]+"' | tr -d '"' | sort
}
heart() { # NAME
	sed -n "/local $1='/,/'/p" "$top_srcdir/etc/trackupctl.bash" |
	    sed "s/.*local $1=//" | tr -d "'" | tr -s ' \t' '\n' | grep . |
	    sort
}
for pair in target_state:states cause:causes hold:holds; do
	if [ -n "$(heart "${pair#*:}")" ] &&
	    diff <(words_of "${pair%:*}") <(heart "${pair#*:}"); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: ${pair#*:} are not those of the core"
	fi
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
