#!/bin/sh
# Branches taken in a build with --enable-coverage, a table by directory, held
# against coverage-floors:
#
#   check-coverage.sh TOP BUILD
#
# Lines of assert() do not count, nor those of WORDS(), which have nothing else:
# their other branch is the end of the program, which no test should be able to
# take. Everything else does, out of memory too.
set -u
LC_ALL=C
export LC_ALL
top=${1:?usage: check-coverage.sh TOP BUILD} build=${2:?}
csv=$build/coverage.csv

gcovr --root "$top" --filter "$top/src/" --object-directory "$build" \
    --exclude-branches-by-pattern '^\s*(assert|WORDS)\(.*' --csv "$csv" \
    "$build" ||
	{ echo "gcovr failed"; echo "0 passed, 1 failed"; exit 1; }
# The columns: filename,line_total,line_covered,line_percent,branch_total,
# branch_covered,…
awk -F, -v floors="$top/.ci/coverage-floors" '
NR == 1 {
	if ($1 != "filename" || $5 != "branch_total" || $6 != "branch_covered")
		bad = "gcovr writes other columns: " $0
	next
}
$1 ~ /^src\// {
	split($1, part, "/")
	dir = part[2]
	total[dir] += $5; taken[dir] += $6
	total["all"] += $5; taken["all"] += $6
	if ($5 > 0 && dir != "all")
		printf "  %5.1f %%  %5d of %5d  %s\n", 100 * $6 / $5, $6, $5, $1
}
END {
	print ""
	while ((getline line < floors) > 0) {
		if (line ~ /^#/ || line ~ /^[ \t]*$/)
			continue
		split(line, f, " ")
		floor[f[1]] = f[2]
		n++
		if (!(f[1] in total))
			bad = bad "no branch was counted in " f[1] "\n"
	}
	if (n == 0)
		bad = bad "no floor in " floors "\n"
	for (dir in total) {
		p = total[dir] == 0 ? 0 : 100 * taken[dir] / total[dir]
		note = ""
		if (dir in floor) {
			note = "floor " floor[dir]
			if (p < floor[dir]) {
				note = note ": FAILED"
				failed++
			} else {
				passed++
			}
		} else if (dir != "all") {
			bad = bad "no floor for " dir "\n"
		}
		printf "%-8s %5.1f %%  %5d of %5d  %s\n", dir, p, taken[dir],
		    total[dir], note | "sort"
	}
	close("sort")
	if (bad != "") {
		printf "failed: %s", bad
		failed++
	}
	printf "%d passed, %d failed\n", passed, failed
	exit failed > 0
}' "$csv"
