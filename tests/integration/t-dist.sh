#!/usr/bin/env bash
# The tarball of a tree is the same each time that it is made, has nothing in it
# that was built here, and is configured where there is neither git nor
# autotools. (That it also builds and passes its tests is `make distcheck`.)
slow=yes
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
if [ ! -w "$src" ] || [ ! -w "$bin/Makefile" ]; then
	echo "the sources are read-only: a distcheck is under way"
	exit 77
fi
unset MAKEFLAGS MFLAGS MAKELEVEL
version=$(sed -n 's/^VERSION = //p' "$bin/Makefile")

# dist NAME: into $T/NAME.tar.gz. Its directory is one of its own time and mode.
dist()
{
	make -s -C "$bin" dist-gzip >"$T/dist.log" 2>&1 ||
	    { tail -n 5 "$T/dist.log"; return 1; }
	mv "$bin/trackupd-$version.tar.gz" "$T/$1.tar.gz"
}

ok "make dist" dist first || finish
again() { umask 077; TZ=Asia/Tokyo LC_ALL=C dist second; }
ok "and once more, elsewhere in time" again || finish
ok "it is the same" cmp "$T/first.tar.gz" "$T/second.tar.gz"
tar -tzf "$T/first.tar.gz" | sed 's|^[^/]*/||' >"$T/names"
is "nothing that was built, or is git's" "$(grep -E \
    '\.(o|a|so|log|trs|gcno|gcda)$|^(build/|\.git|config\.status$)' \
    "$T/names")" ""
is "all of one time" "$(tar --full-time -tvzf "$T/first.tar.gz" |
    awk '{print $4, $5}' | sort -u | wc -l)" 1

# A machine that has none of it: each says so, loudly.
mkdir "$T/none" "$T/build"
for tool in git autoconf autoreconf automake aclocal autoheader; do
	printf '#!/bin/sh\necho %s >>%s\nexit 127\n' "$tool" "$T/called" \
	    >"$T/none/$tool"
done
chmod +x "$T"/none/*
tar -C "$T" -xzf "$T/first.tar.gz"
tree=$T/trackupd-$version
PATH=$T/none:$PATH
is "it knows its version" "$(cd / && "$tree/get-version")" "$version"
configured() { cd "$T/build" && "$tree/configure" -q CC="${CC:-gcc}" \
    --cache-file="$T/cache" >"$T/configure.log" 2>&1; }
# What configure found out for this build holds there as well.
grep -s '^ac_cv_\(path\|prog\|header\|func\|lib\|c_\)' "$bin/config.log" \
    >"$T/cache"
(configured)
is "it is configured" "$?" 0
(cd "$T/build" && make -n all check TESTS=) >"$T/plan" 2>"$T/missing"
is "nothing is missing for make" "$?" 0
has "it would link the daemon" "$T/plan" 'CCLD.*trackupd|-o trackupd '
ok "nobody was missed" test ! -e "$T/called"
finish
