#!/bin/sh
# build-aux/sum-tests.sh must not take silence for success.
set -u
sum=${top_srcdir:-.}/build-aux/sum-tests.sh
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# suite NAME RESULT TEXT
suite()
{
	mkdir -p "$tmp/d/tests"
	printf ':test-result: %s\n' "$2" >"$tmp/d/tests/$1.trs"
	printf '%s\n' "$3" >"$tmp/d/tests/$1.log"
}

# expect WHAT LAST_LINE STATUS: of what lies in $tmp/d, which is then emptied.
expect()
{
	out=$("$sum" "$tmp/d") && rc=0 || rc=$?
	last=$(printf '%s\n' "$out" | tail -n 1)
	if [ "$last" = "$2" ] && [ "$rc" -eq "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "failed: $1: got '$last' ($rc), expected '$2' ($3)"
	fi
	rm -rf "$tmp/d"
	mkdir -p "$tmp/d"
}

mkdir -p "$tmp/d"
expect "an empty directory" "0 passed, 1 failed" 1
suite a PASS '100%: Checks: 12, Failures: 0, Errors: 0'
suite b PASS '3 passed, 0 failed'
expect "both kinds" "15 passed, 0 failed" 0
suite a FAIL '75%: Checks: 12, Failures: 2, Errors: 1'
expect "failures and errors" "9 passed, 3 failed" 1
suite a PASS '100%: Checks: 0, Failures: 0, Errors: 0'
suite b PASS '3 passed, 0 failed'
expect "a suite without a test" "3 passed, 1 failed" 1
suite a PASS 'nothing to say'
expect "a suite that says nothing" "0 passed, 1 failed" 1
suite a FAIL '5 passed, 0 failed'
expect "a crash after the count" "5 passed, 1 failed" 1
suite a PASS '5 passed, 2 failed'
expect "failures with exit 0" "5 passed, 2 failed" 1
suite a SKIP 'no such thing here'
expect "nothing but a skip" "0 passed, 1 failed" 1
suite a SKIP 'no such thing here'
suite b PASS '1 passed, 0 failed'
expect "a skip beside a pass" "1 passed, 0 failed" 0
suite a PASS '100%: Checks: 2, Failures: 0, Errors: 0
100%: Checks: 3, Failures: 0, Errors: 0'
expect "two runners in one program" "5 passed, 0 failed" 0
suite a PASS '1 passed, 0 failed'
mkdir -p "$tmp/d/trackupd-0.1/tests"
cp "$tmp/d/tests/a.log" "$tmp/d/tests/a.trs" "$tmp/d/trackupd-0.1/tests"
expect "what distcheck left is not counted" "1 passed, 0 failed" 0

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
