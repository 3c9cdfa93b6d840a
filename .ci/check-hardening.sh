#!/bin/sh
# What the compiler and the linker were told for safety, seen in a program:
#
#   check-hardening.sh PROGRAM...
#
# The notes for control-flow enforcement are not looked for: the linker keeps
# them only when every object has them, and the startup files and libraries of
# the system do not. The landing pads are our own code, so they are counted.
set -u
LC_ALL=C
export LC_ALL
pads_wanted=20
passed=0 failed=0

tmp=$(mktemp -d "${TMPDIR:-/tmp}/harden.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# has WHAT FILE REGEX; hasnt the other way round.
has() {
	if grep -Eq -- "$3" "$tmp/$2"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "failed: $program: $1"
	fi
}
hasnt() {
	if grep -Eq -- "$3" "$tmp/$2"; then
		failed=$((failed + 1))
		echo "failed: $program: $1"
	else
		passed=$((passed + 1))
	fi
}

[ $# -gt 0 ] || { echo "check-hardening: no program" >&2; exit 2; }
for program in "$@"; do
	if ! readelf -W -h "$program" > "$tmp/header" ||
	    ! readelf -W -l "$program" > "$tmp/segments" ||
	    ! readelf -W -d "$program" > "$tmp/dynamic" ||
	    ! readelf -W --dyn-syms "$program" > "$tmp/symbols" ||
	    ! objdump -d "$program" > "$tmp/code"; then
		failed=$((failed + 1))
		echo "failed: $program cannot be read"
		continue
	fi
	has "is not position independent" header 'Type: +DYN'
	has "is not position independent (PIE)" dynamic 'FLAGS_1.*PIE'
	has "has no segment read-only after relocation" segments GNU_RELRO
	has "binds its symbols lazily" dynamic 'BIND_NOW|FLAGS.*NOW'
	has "says nothing about its stack" segments 'GNU_STACK'
	hasnt "has an executable stack" segments 'GNU_STACK.* RWE '
	hasnt "has a segment to write and execute" segments 'LOAD.* RWE '
	hasnt "relocates its code" dynamic TEXTREL
	hasnt "looks for libraries in odd places" dynamic 'R(UN)?PATH'
	has "has no stack protector" symbols '__stack_chk_fail'
	has "has no fortified function" symbols ' __(v?snprintf|mem[a-z]+|v?fprintf|read|str[a-z]+)_chk'
	case $(sed -n 's/^ *Machine: *//p' "$tmp/header") in
	*X86-64*)
		pads=$(grep -c endbr64 "$tmp/code")
		echo "$program: $pads landing pads"
		if [ "$pads" -ge "$pads_wanted" ]; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "failed: $program: fewer than $pads_wanted"
		fi ;;
	esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
