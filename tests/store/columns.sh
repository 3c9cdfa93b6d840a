#!/bin/sh
# Every field of a record is a column: each struct of src/core/record.h that
# the store keeps is compared with its table in src/store/rows.c. (That rows.c
# and the SQL agree is checked by store_open() itself.)
set -u
src=${top_srcdir:-.}
passed=0
failed=0

# "struct field" for each field of the structs named *_rec and op_revision.
fields() {
	awk '
	{ gsub(/\/\*[^*]*\*\//, "") }
	/\/\*/ { sub(/\/\*.*/, ""); comment = 1; print_line = 1 }
	comment && /\*\// { sub(/^.*\*\//, ""); comment = 0 }
	comment && !print_line { next }
	{ print_line = 0 }
	/^struct ([a-z]+_rec|op_revision) \{/ { name = $2; next }
	/^}/ { name = "" }
	name != "" { text = text " " $0 }
	name != "" && /;/ {
		gsub(/\[[^]]*\]/, "", text)
		n = split(text, part, ";")
		for (i = 1; i < n; i++) {
			m = split(part[i], item, ",")
			for (j = 1; j <= m; j++) {
				gsub(/[ \t]+$/, "", item[j])
				k = split(item[j], word, /[ \t*]+/)
				print name, word[k]
			}
		}
		text = part[n]
	}' "$src/src/core/record.h" | sort -u
}

# The same for the columns; a length of a text is named with it.
columns() {
	tr '\n' ' ' < "$src/src/store/rows.c" | tr ')' '\n' |
	sed -n -e 's/.*[	 {]LONG_TEXT(\([a-z_0-9]*\), *\([a-z_0-9]*\), *\([a-z_0-9]*\).*/\1 \2\n\1 \3/p' \
	    -e 's/.*[	 {]\(COLUMN\|NAMED\|WORD\)(\([a-z_0-9]*\), *\([a-z_0-9]*\).*/\2 \3/p' |
	grep -e '_rec ' -e '^op_revision ' | sort -u
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/columns.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
fields > "$dir/fields"
columns > "$dir/columns"
for rec in device_rec campaign_rec wave_rec target_rec attempt_rec tuple_rec \
    event_rec audit_rec stamp_rec flags_rec package_rec exclusion_rec \
    op_revision; do
	grep "^$rec " "$dir/fields" > "$dir/a"
	grep "^$rec " "$dir/columns" > "$dir/b"
	if [ -s "$dir/a" ] && cmp -s "$dir/a" "$dir/b"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$rec: fields of record.h (-) and columns of rows.c (+):"
		diff -u "$dir/a" "$dir/b" | sed 1,2d
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
