#!/usr/bin/env bash
# Runs, for each deliberate bug, the test that must notice it:  make planted
#
# First every named test once without a bug: it has to pass, or its failure
# with one would prove nothing. Then with the bug on: it has to fail.
set -u
src=${top_srcdir:?run by make planted}
bin=${top_builddir:?run by make planted}
passed=0 failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# A program of the build, else a script of the source.
run()
{
	local test=$1
	shift
	if [ -x "$bin/$test" ]; then
		test=$bin/$test
	else
		test=$src/$test
	fi
	timeout 300 "$test" "$@" >"$tmp/log" 2>&1
}

# verdict WHAT PROBLEM: an empty problem is a pass.
verdict()
{
	if [ -z "$2" ]; then
		passed=$((passed + 1))
		echo "caught: $1"
	else
		failed=$((failed + 1))
		echo "failed: $1: $2"
		tail -n 20 "$tmp/log" | sed 's/^/    /'
	fi
}

declare -A control=()
while read -r bug test args; do
	case $bug in ''|'#'*) continue ;; esac
	# shellcheck disable=SC2086 # the rest of the line is a list of words
	if [ -z "${control[$test $args]:-}" ]; then
		unset TRACKUPD_PLANT
		run "$test" $args
		control[$test $args]=$?
	fi
	rc=${control[$test $args]}
	if [ "$rc" -ne 0 ]; then
		verdict "$bug" "$test $args does not pass without it ($rc)"
		continue
	fi
	export TRACKUPD_PLANT=$bug
	rc=0
	# shellcheck disable=SC2086
	run "$test" $args || rc=$?
	unset TRACKUPD_PLANT
	case $rc in
	0) verdict "$bug" "$test $args passed in spite of it" ;;
	77) verdict "$bug" "$test $args was skipped" ;;
	124) verdict "$bug" "$test $args took over five minutes" ;;
	126|127) verdict "$bug" "$test $args cannot be run" ;;
	*) verdict "$bug by $test $args" "" ;;
	esac
done <"${1:-$src/tests/planted/bugs}"

if [ $((passed + failed)) -eq 0 ]; then
	echo "failed: no bug is listed"
	failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
