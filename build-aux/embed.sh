#!/bin/sh
# Files as a C header: an array each, and a macro that says etag, array and
# length. usage: embed.sh NAME=FILE...
set -eu
export LC_ALL=C
for pair in "$@"; do
	name=${pair%%=*} file=${pair#*=}
	sum=$(sha256sum "$file")
	printf 'static const unsigned char web_%s[] = {\n' "$name"
	od -An -v -tx1 "$file" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
	printf '};\n#define WEB_%s "\\"%.32s\\"", web_%s, sizeof web_%s\n' \
	    "$(printf %s "$name" | tr a-z A-Z)" "$sum" "$name" "$name"
done
