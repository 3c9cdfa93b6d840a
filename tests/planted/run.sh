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
	timeout 300 "$test" "$@" >"$tmp/log.$BASHPID" 2>&1
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
		tail -n 20 "$tmp/log.$BASHPID" | sed 's/^/    /'
	fi
}

# worker K: of the tests, in the order of their first appearance, each $jobs-th;
# a test that several bugs have runs once without any.
worker()
{
	local -A control=() turn=()
	local next=0 bug test args rc
	while read -r bug test args; do
		case $bug in ''|'#'*) continue ;; esac
		if [ -z "${turn[$test $args]:-}" ]; then
			turn[$test $args]=$((next++ % jobs))
		fi
		[ "${turn[$test $args]}" = "$1" ] || continue
		# The rest of the line is a list of words.
		# shellcheck disable=SC2086
		if [ -z "${control[$test $args]:-}" ]; then
			unset TRACKUPD_PLANT
			run "$test" $args
			control[$test $args]=$?
		fi
		rc=${control[$test $args]}
		if [ "$rc" -ne 0 ]; then
			verdict "$bug" \
			    "$test $args does not pass without it ($rc)"
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
	done <"$bugs"
	echo "$passed $failed" >"$tmp/sum.$1"
}

bugs=${1:-$src/tests/planted/bugs}
jobs=$(nproc 2>/dev/null || echo 2)
for ((k = 0; k < jobs; k++)); do
	worker "$k" &
done
wait
for ((k = 0; k < jobs; k++)); do
	read -r p f <"$tmp/sum.$k" || { p=0 f=1; }
	passed=$((passed + p)) failed=$((failed + f))
done
want=$(grep -cv -e '^#' -e '^$' "$bugs")
if [ "$((passed + failed))" -ne "$want" ] || [ "$want" -eq 0 ]; then
	echo "failed: $want bugs are listed, $passed and $failed were seen"
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
