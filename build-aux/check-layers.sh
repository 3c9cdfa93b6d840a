#!/bin/sh
# Holds the sources against the layers of ARCHITECTURE.md:
#   - which directory of src may include which other, and which library;
#   - SQL only in sql/;
#   - functions that nobody may call;
#   - what the pure archive asks of its surroundings (pure-symbols.txt): libc
#     would happily hand it a clock.
# Run by make check; alone: top_srcdir=. top_builddir=build NM=nm check-layers.sh
set -u
LC_ALL=C
export LC_ALL
top=${top_srcdir:-.}
build=${top_builddir:-.}
nm=${NM:-nm}
passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); echo "failed: $*"; }

tmp=$(mktemp -d "${TMPDIR:-/tmp}/layers.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# One check: fails when the file of findings has a line.
verdict() {
	if [ -s "$tmp/found" ]; then
		bad "$1"
		sed 's/^/	/' "$tmp/found"
	else
		ok
	fi
}

# Code without comments, one "file:line:text" each; with the second argument
# also without what stands between quotes.
code_of() {
	find "$top/src" -name '*.[ch]' | sort | while read -r file; do
		awk -v file="${file#"$top"/}" -v blank="${1:-}" '
		{
			out = ""; n = length($0)
			for (i = 1; i <= n; i++) {
				c = substr($0, i, 1)
				two = substr($0, i, 2)
				if (comment) {
					if (two == "*/") { comment = 0; i++ }
				} else if (quote != "") {
					if (c == "\\") {
						if (blank == "") out = out two
						i++
					} else if (c == quote) {
						quote = ""; out = out c
					} else if (blank == "") {
						out = out c
					}
				} else if (two == "/*") {
					comment = 1; i++
				} else if (two == "//") {
					break
				} else {
					if (c == "\"" || c == "\047") quote = c
					out = out c
				}
			}
			quote = ""
			if (out ~ /[^ \t]/) print file ":" NR ":" out
		}' "$file"
	done
}
code_of > "$tmp/code"
code_of blank > "$tmp/bare"
[ -s "$tmp/code" ] || { echo "no sources below $top/src"; exit 1; }

# --- layers: directory, what it may include of us ---------------------------
while read -r dir may; do
	grep "^src/$dir/" "$tmp/code" | grep -E '# *include *"' |
	    awk -v may=" $may " '{
		name = $0
		sub(/^[^"]*"/, "", name); sub(/".*/, "", name)
		if (name == "config.h") next
		layer = name; sub(/\/.*/, "", layer)
		if (name !~ /\// || !index(may, " " layer " ")) print
	    }' > "$tmp/found"
	verdict "src/$dir may include only: $may"
done <<EOF
base base
proto base proto
core base proto core
config base proto core config
store base proto core store
io base proto core io
daemon base proto core config store io daemon
ctl base ctl
sim base sim
EOF

# A directory that the table above does not know would be free to do anything.
find "$top/src" -mindepth 1 -maxdepth 1 -type d | sed 's|.*/||' |
    grep -vxE 'base|proto|core|config|store|io|daemon|ctl|sim' > "$tmp/found"
verdict "directories of src without a layer"

# ARCHITECTURE.md leads through the core file by file; plant.c is for tests.
for file in "$top"/src/core/*.c; do
	name=${file##*/}
	name=${name%.c}
	[ "$name" = plant ] && continue
	grep -qE "^\\|.*\\|.*[ ]${name}[, ]" "$top/ARCHITECTURE.md" || echo "$name"
done > "$tmp/found"
verdict "files of src/core that ARCHITECTURE.md does not name"

# --- libraries: header, where it may appear ---------------------------------
while read -r header dirs; do
	grep -E "# *include *[<\"]$header" "$tmp/code" |
	    awk -F/ -v dirs=" $dirs " '!index(dirs, " " $2 " ")' \
	    > "$tmp/found"
	verdict "<$header> may appear only in: $dirs"
done <<EOF
(event2/|event[.]h|evhttp[.]h|evutil[.]h) io sim
sqlite3[.]h store
yaml[.]h config
glib config
jansson[.]h io ctl
openssl/ io
curl/ ctl
libsmartcols ctl
systemd/ daemon
check[.]h none
EOF

# The pure layers know the language and a little of its library.
grep -E '^src/(base|proto|core)/' "$tmp/code" | grep -E '# *include *<' |
    grep -vE '<(assert|errno|inttypes|limits|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings)\.h>' \
    > "$tmp/found"
verdict "pure layers include a header that is not pure"

# --- statements and functions ------------------------------------------------
grep -E '"[^"]*(SELECT [^"]* FROM |INSERT INTO |DELETE FROM |UPDATE [^" ]* SET |CREATE (TABLE|INDEX|UNIQUE|TRIGGER|VIEW) |DROP (TABLE|INDEX) |ALTER TABLE |PRAGMA |BEGIN (IMMEDIATE|EXCLUSIVE|DEFERRED)|ATTACH DATABASE|SAVEPOINT )' \
    "$tmp/code" > "$tmp/found"
grep -iE '"(select .* from|insert into|delete from|pragma [a-z_]|create table|begin immediate|commit;|rollback;)' \
    "$tmp/code" >> "$tmp/found"
sort -u -o "$tmp/found" "$tmp/found"
verdict "SQL outside of sql/"

grep -E '(^|[^A-Za-z0-9_>.])(sprintf|vsprintf|strcpy|strcat|atoi|atol|atoll|atof|system|popen|gets|strtok)[ 	]*\(' \
    "$tmp/bare" > "$tmp/found"
verdict "functions that nobody may call"

# --- the pure archive ---------------------------------------------------------
archive=$build/libtrackup-pure.a
allowed=$top/build-aux/pure-symbols.txt
if [ ! -f "$archive" ]; then
	bad "no such archive: $archive"
elif ! "$nm" -P "$archive" > "$tmp/nm" 2>"$tmp/nm.err" ||
    ! grep -q ' T ' "$tmp/nm"; then
	bad "$nm cannot read $archive: $(head -n 1 "$tmp/nm.err")"
else
	# Fortified functions are their plain ones with a check. Whatever a
	# sanitizer, the stack protector or coverage adds is not ours, nor is
	# the compiler's own arithmetic (__popcountdi2).
	awk 'NF >= 2 && $2 ~ /^[TtDdBbRrVWC]$/ { defined[$1] = 1 }
	    NF >= 2 && $2 ~ /^[Uuvw]$/ { wanted[$1] = 1 }
	    END { for (s in wanted) if (!(s in defined)) print s }' \
	    "$tmp/nm" |
	    grep -vE '^(__asan_|__ubsan_|__tsan_|__msan_|__lsan_|__sanitizer_|__sancov_|__gcov_|__llvm_|__stack_chk_|_GLOBAL_OFFSET_TABLE_$|__[a-z]+[sdt]i[2-4]$|__start___sancov|__stop___sancov)' |
	    sed -E 's/^__(.*)_chk$/\1/' | sort -u > "$tmp/wanted"
	sed 's/#.*//; s/[ 	]*$//; /^$/d' "$allowed" | sort -u \
	    > "$tmp/allowed"
	comm -23 "$tmp/wanted" "$tmp/allowed" > "$tmp/found"
	verdict "symbols that the pure archive must not need"
	[ -s "$tmp/wanted" ] || bad "$archive needs nothing: is it ours?"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
