#!/usr/bin/env bash
# doc/faults.md: each row names tests that exist and run.
set -u
doc=${top_srcdir:?run by make check}/doc/faults.md
passed=0 failed=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "failed: $*"; }

# runs FILE: it is in the make file of its directory.
runs()
{
	local dir=$top_srcdir/${1%/*}
	while [ ! -f "$dir/local.mk" ]; do
		[ "$dir" != "$top_srcdir" ] || break
		dir=${dir%/*}
	done
	case $1 in
	*.scn) grep -qF '*.scn' "$dir/local.mk" ;;
	build-aux/*) grep -rqF "$1" "$top_srcdir"/tests/*/local.mk ;;
	*.sh) grep -qE "(tests|TESTS|SCRIPTS) \+= .*$1" "$dir/local.mk" ;;
	*) grep -qE "${1##*/}|${1%.c}( |\$)" "$dir/local.mk" ;;
	esac
}

# exists TEST: as doc/faults.md says what a test is.
exists()
{
	local file=${1%%::*} name=${1#*::}
	[ -f "$top_srcdir/$file" ] || return 1
	case $file in
	*.scn) [ "$name" = "$file" ] ;;
	*.c) grep -qxF "START_TEST($name)" "$top_srcdir/$file" ;;
	*) [ -n "$name" ] && [ "$name" != "$file" ] &&
		grep -qF -- "$name" "$top_srcdir/$file" ;;
	esac
}

# check TEXT: the rows of a table; TEXT is the file.
check()
{
	local line fault tests test section=''
	rows=0
	while IFS= read -r line; do
		case $line in
		'## '*) section=${line#\#\# } ;;
		'| fault |'* | '|---'*) ;;
		'|'*)
			rows=$((rows + 1))
			fault=${line#| } fault="$section: ${fault%% |*}"
			tests=${line% |} tests=${tests##*| }
			if [[ $tests != \`*\` ]]; then
				fail "$fault: names no test"
				continue
			fi
			while IFS= read -r test; do
				if ! exists "$test"; then
					fail "$fault: no such test: $test"
				elif ! runs "${test%%::*}"; then
					fail "$fault: not run: $test"
				else
					pass
				fi
			done < <(grep -oE '`[^`]+`' <<<"$tests" | tr -d '`')
			;;
		esac
	done <"$1"
}

# What a wrong row would get.
T=$(mktemp -d /tmp/tu-XXXXXX) || exit 1
trap 'rm -rf "$T"' EXIT
# refused ROW
refused()
{
	local before=$passed,$failed out
	printf '## X\n| fault | what | test |\n|---|---|---|\n%s\n' "$1" \
	    >"$T/row"
	out=$(passed=0 failed=0; check "$T/row"; echo "$failed")
	[ "$before" = "$passed,$failed" ] || fail "the check counts twice"
	if [ "${out##*$'\n'}" = 1 ]; then
		pass
	else
		fail "taken for good: $1"
	fi
}
refused '| a | b |  |'
refused '| a | b | to be done |'
refused '| a | b | `tests/unit/nowhere.c::x` |'
refused '| a | b | `tests/store/check_faults.c::no_such_name` |'
refused '| a | b | `tests/store/check_faults.c` |'
refused '| a | b | `tests/integration/t-disk.sh::` |'
refused '| a | b | `tests/scenario/no_such.scn` |'
refused '| a | b | `tests/integration/lib.sh::wait_for` |'

check "$doc"
if [ "$rows" -ge 35 ]; then pass; else fail "only $rows rows"; fi
echo "$rows faults"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
