#!/bin/sh
# Lints every manual with mandoc; a warning fails. Also: each option that the
# programs print with --help stands in their manual.
set -u
top=${top_srcdir:-.}
build=${top_builddir:-.}
passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "failed: $*"; }

command -v mandoc >/dev/null 2>&1 || { echo "mandoc is not there"; exit 77; }
for page in "$top"/man/*.[1-9]; do
	if mandoc -T lint -W warning "$page"; then
		ok
	else
		bad "mandoc: $page"
	fi
done

# The manual names a long option as "Fl Fl name" or "-name" in a table.
for pair in trackupd:8 trackupctl:8 tracksim:1; do
	program=$build/${pair%:*}
	page=$top/man/${pair%:*}.${pair#*:}
	[ -x "$program" ] || continue
	[ -f "$page" ] || { bad "no manual: $page"; continue; }
	text=$(mandoc -T ascii "$page" | sed 's/.\x08//g')
	options=$("$program" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u)
	[ -n "$options" ] || bad "$program --help names no option"
	for o in $options; do
		case $text in
		*"$o"*) ok ;;
		*) bad "$page does not mention $o" ;;
		esac
	done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
