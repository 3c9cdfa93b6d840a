#!/bin/sh
# Adds up the tests of one build directory, from the .trs and .log files that
# the test harness leaves there:  sum-tests.sh DIR
#
# C suites print Check's "100%: Checks: N, Failures: F, Errors: E", shell tests
# "N passed, N failed" as their last word. A suite that says neither, or that
# ran nothing, or that failed without saying what, counts as one failure: a
# test that was not run must never look like one that passed. Skipped suites
# are named. The last line is "N passed, N failed"; exit 1 when any failed or
# when there was no test at all.
set -u
dir=${1:?usage: sum-tests.sh DIR}
[ -d "$dir" ] || { echo "sum-tests: no such directory: $dir" >&2; exit 2; }

# The trees that distcheck and planted make below a build are not part of it.
list=$(cd "$dir" && find . \( -path './trackupd-*' -o -path ./planted \) \
    -prune -o -name '*.trs' -print | sort)

passed=0 failed=0 skipped=0 suites=0
while read -r trs; do
	[ -n "$trs" ] || continue
	name=${trs#./}
	name=${name%.trs}
	log=$dir/$name.log
	result=$(sed -n 's/^:test-result: *//p' "$dir/$trs" | head -n 1)
	suites=$((suites + 1))
	if [ "$result" = SKIP ]; then
		skipped=$((skipped + 1))
		echo "skipped: $name: $(grep -v '^SKIP ' "$log" 2>/dev/null |
		    tail -n 1)"
		continue
	fi
	counts=$(awk '
		/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
			split($0, f, /[:,] */)
			checks += f[3]; bad += f[5] + f[7]
		}
		/^[0-9]+ passed, [0-9]+ failed$/ { p = $1; q = $3 }
		END { print checks - bad + p, bad + q }
	' "$log" 2>/dev/null)
	p=${counts% *} f=${counts#* }
	p=${p:-0} f=${f:-0}
	case $result in
	PASS)
		if [ "$f" -gt 0 ]; then
			echo "failed: $name: $f, yet it exited with 0"
		elif [ "$p" -eq 0 ]; then
			echo "failed: $name: passed without a single check"
			f=1
		fi ;;
	*)
		[ "$f" -gt 0 ] || f=1
		echo "failed: $name (${result:-no result})" ;;
	esac
	passed=$((passed + p))
	failed=$((failed + f))
done <<LIST
$list
LIST

if [ "$((passed + failed))" -eq 0 ]; then
	echo "failed: no test ran in $dir"
	failed=1
fi
[ "$skipped" -eq 0 ] || echo "$skipped of $suites suites skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
