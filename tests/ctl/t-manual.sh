#!/bin/sh
# trackupctl(8) and trackupd-api(7) against the sources: each command, route,
# parameter, field and error code has its place in the manual.
# shellcheck disable=SC2013 # one word a line, none with a blank
set -u
passed=0 failed=0
src=${top_srcdir:?}/src
ctl=$top_srcdir/man/trackupctl.8
api=$top_srcdir/man/trackupd-api.7

has() { # MANUAL WORD WHAT
	if grep -qwF -- "$2" "$1"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $(basename "$1") lacks $3 $2"
	fi
}

n=$passed
for word in $(sed -n 's/^	\(VERB\|LATER\)("\([a-z-]*\)".*/\2/p' \
    "$src/ctl/cmdtab.c"); do
	has "$ctl" "$word" command
done
[ $((passed - n)) -ge 20 ] || { echo "no commands found"; failed=1; }

for option in $(sed -n 's/^	{"\([a-z-]*\)", .*_argument.*/\1/p' \
    "$src/ctl/main.c"); do
	has "$ctl" "$option" option
done

n=$passed
for route in $(sed -n \
    's/^	\(GET\|OPERATE\|ABOUT\)("\([^"]*\)".*/\2/p; s/^	LATER([A-Z]*, "\([^"]*\)").*/\1/p' \
    "$src/io/api_route.c"); do
	route=${route%/\*}
	has "$api" "${route##*/}" route
done
[ $((passed - n)) -ge 20 ] || { echo "no routes found"; failed=1; }

n=$passed
for code in $(tr -d '\n' < "$src/io/api_route.c" | cat - "$src"/io/api*.c |
    grep -oE 'api_fail(_list)?\(c, [0-9]+, "[a-z_]+"' |
    sed 's/.*"\(.*\)"/\1/' | sort -u); do
	has "$api" "$code" code
done
[ $((passed - n)) -ge 12 ] || { echo "no codes found"; failed=1; }

# Names of fields stand before an s:, in the order of the pack calls.
n=$passed
for field in $(grep -hoE '^\s+"[a-z_]+", ?($|[a-z(0-9])' "$src"/io/api_*.c |
    grep -oE '[a-z_]+"' | tr -d '"' | sort -u); do
	has "$api" "$field" field
done
[ $((passed - n)) -ge 30 ] || { echo "no fields found"; failed=1; }

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
