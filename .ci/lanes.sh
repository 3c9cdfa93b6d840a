# lanes.sh: what `./quickstart check` does, lane by lane; sourced by it.
#
# A lane builds in build/NAME, logs to build/NAME.log and is a function
# lane_NAME. What it counts comes from the .trs and .log files that it leaves
# there, so a tool that did not run is a failure and never a silent pass.
# shellcheck shell=bash disable=SC2154 # top and jobs are quickstart's

# The lanes in their order: valgrind takes the programs of clang, hardening
# those of gcc. Then what each is, and what it needs (as in quickstart).
#
# The first kind mostly waits (for ports, deadlines, disks). Beside those, one
# after another, go the second, which compute and have time, at a low priority,
# and the third, whose deadlines do not allow that. The others take longer than
# a check may.
waiting_lanes='gcc asan coverage hardening'
busy_lanes='clang cppcheck tidy analyzer scan'
beside_lanes='valgrind tsan dist planted'
other_lanes='deep'
all_lanes="$waiting_lanes $busy_lanes $beside_lanes"
# Tests wait more than they compute, too.
test_jobs=$((jobs * 2))
declare -A lane_what=(
	[gcc]="whole suite, manuals"
	[clang]="build, unit tests"
	[asan]="whole suite with address and undefined sanitizers"
	[tsan]="store, io and daemon with the thread sanitizer"
	[valgrind]="unit, io and a scenario, one life of the daemon"
	[dist]="the tarball: whole, built and tested somewhere else"
	[planted]="deliberate bugs, each with the test that must see it"
	[cppcheck]="each source file"
	[tidy]="each source file with clang-tidy"
	[analyzer]="each source file with gcc -fanalyzer"
	[scan]="each source file with scan-build, at a shallow depth"
	[deep]="each source file with scan-build, as deep as it goes"
	[hardening]="what the linker and the compiler made of the programs"
	[coverage]="branches that the tests take, against .ci/coverage-floors"
)
lane_needs_all='
file:/usr/sbin/haproxy         haproxy
file:/usr/sbin/nginx           nginx-light
file:/sbin/tc                  iproute2
cmd:chromium                   chromium
cmd:chromedriver               chromium-driver
cmd:promtool                   prometheus
lib:check                      check
cmd:git                        git
cmd:curl                       curl
cmd:jq                         jq
cmd:mandoc                     mandoc
cmd:sqlite3                    sqlite3
'
declare -A lane_needs=(
	[gcc]='
cmd:systemd-analyze            systemd
'
	[dist]='
cmd:xz                         xz-utils
'
	[clang]='
cmd:clang                      clang
'
	[tsan]='
cmd:setarch                    util-linux
'
	[valgrind]='
cmd:clang                      clang
cmd:valgrind                   valgrind
file:/usr/lib/debug/.build-id  libc6-dbg
'
	[cppcheck]='
cmd:cppcheck                   cppcheck
'
	[tidy]='
cmd:clang-tidy                 clang-tidy
'
	[scan]='
cmd:clang                      clang
cmd:scan-build                 clang-tools
'
	[deep]='
cmd:clang                      clang
cmd:scan-build                 clang-tools
'
	[hardening]='
cmd:readelf                    binutils
'
	[coverage]='
cmd:gcovr                      gcovr
'
)

# step DIR NAME COMMAND...: one more test of a lane, beside its make check.
step()
{
	local dir=$1/steps name=$2 rc=0
	shift 2
	mkdir -p "$dir"
	"$@" >"$dir/$name.log" 2>&1 || rc=$?
	if [ "$rc" -ne 77 ] && ! tail -n 1 "$dir/$name.log" |
	    grep -Eq '^[0-9]+ passed, [0-9]+ failed$'; then
		if [ "$rc" -eq 0 ]; then
			echo "1 passed, 0 failed"
		else
			echo "0 passed, 1 failed"
		fi >>"$dir/$name.log"
	fi
	if [ "$rc" -eq 0 ]; then
		echo ":test-result: PASS"
	elif [ "$rc" -eq 77 ]; then
		echo ":test-result: SKIP"
		rc=0
	else
		echo ":test-result: FAIL"
	fi >"$dir/$name.trs"
	return "$rc"
}

# The Check programs of a built tree below tests/DIR..., as words for TESTS=.
suites()
{
	local d
	for d in "$@"; do
		find "tests/$d" -name 'check_*' -type f -perm -u+x
	done | sort | tr '\n' ' '
}

# --- compilers and sanitizers ------------------------------------------------

# Leaves us in build/gcc, with its programs as the sources are now.
gcc_build()
{
	configure_in "$top/build/gcc" CC=gcc --enable-crashpoints || return 1
	cd "$top/build/gcc" || return 1
	make -s -j"$jobs" CFLAGS='-g -O2 -Werror' all
}

lane_gcc()
{
	local dir=$top/build/gcc rc=0
	gcc_build || return 1
	make -s -j"$jobs" CFLAGS='-g -O2 -Werror' check TESTS= || return 1
	make -s -k -j"$test_jobs" CFLAGS='-g -O2 -Werror' check || rc=1
	step "$dir" manuals manual_lint || rc=1
	return "$rc"
}

lane_dist()
{
	local dir=$top/build/dist rc=0
	configure_in "$dir" CC=gcc || return 1
	rm -f trackupd-*.tar.*
	step "$dir" distcheck distribution || rc=1
	step "$dir" tarball tarball_whole || rc=1
	return "$rc"
}

# The whole suite runs on these sources anyhow; here it is whether the tarball
# has them all, builds somewhere else and leaves nothing behind.
distribution()
{
	make -s -j"$jobs" distcheck DISTCHECK_CONFIGURE_FLAGS=CFLAGS=-O1 \
	    AM_MAKEFLAGS="TESTS='$(make -s print-quick-tests) \
	    tests/integration/t-smoke.sh'"
}

# Whatever git has is in it, but for what tells git and editors how to behave.
tarball_whole()
{
	local missing
	missing=$(git -C "$top" ls-files | grep -vE '(^|/)\.[^/]*$' | sort |
	    comm -23 - <(tar tzf trackupd-*.tar.gz | sed 's|^[^/]*/||' | sort))
	[ -z "$missing" ] || { echo "not in the tarball: $missing"; return 1; }
}

lane_planted()
{
	local dir=$top/build/planted
	configure_in "$dir" CC=gcc CFLAGS='-g -O1' --enable-planted-bugs \
	    --enable-crashpoints || return 1
	cd "$dir" || return 1
	step "$dir" bugs make -s -j"$jobs" planted
}

manual_lint()
{
	local page bad=0
	for page in "$top"/man/*.[1-9]; do
		mandoc -Tlint -Wwarning "$page" || bad=1
	done
	return "$bad"
}

# The last two flags are for valgrind: it must see what is not initialised, and
# it does not read the debug format that clang would choose.
clang_build()
{
	local flags='-g -gdwarf-4 -O1 -ftrivial-auto-var-init=uninitialized'
	configure_in "$top/build/clang" CC=clang || return 1
	cd "$top/build/clang" || return 1
	make -s -j"$jobs" CFLAGS="$flags -Werror" all || return 1
	make -s -j"$jobs" CFLAGS="$flags -Werror" check TESTS=
}

lane_clang()
{
	clang_build || return 1
	CK_TIMEOUT_MULTIPLIER=20 make -s -k check TESTS="$(suites unit)"
}

lane_asan()
{
	local dir=$top/build/asan
	configure_in "$dir" CC=gcc --enable-sanitizers \
	    --enable-crashpoints || return 1
	cd "$dir" || return 1
	make -s -j"$jobs" CFLAGS='-g -O1' all || return 1
	make -s -j"$jobs" CFLAGS='-g -O1' check TESTS= || return 1
	ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:strict_string_checks=1 \
	UBSAN_OPTIONS=print_stacktrace=1 TRACKUPD_QUICK=1 \
	    make -s -k -j"$test_jobs" CFLAGS='-g -O1' check
}

# Where there are threads: the writer of the store, the workers of the file
# server, the log; without the store's tests of faults, which take minutes and
# fork more than they share. Its map of the memory does not fit every layout that the
# kernel may choose by chance, hence setarch -R.
lane_tsan()
{
	local dir=$top/build/tsan fixed=(setarch -R)
	setarch -R true 2>/dev/null || fixed=()
	configure_in "$dir" CC=gcc --enable-sanitizers=thread || return 1
	cd "$dir" || return 1
	make -s -j"$jobs" CFLAGS='-g -O1' all || return 1
	make -s -j"$jobs" CFLAGS='-g -O1' check TESTS= || return 1
	local i=tests/integration t left_out
	t=$(suites store io)
	for left_out in faults kill power; do
		t=${t/"tests/store/check_$left_out "/}
	done
	TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1 \
	CK_TIMEOUT_MULTIPLIER=5 "${fixed[@]}" \
	    make -s -k -j"$test_jobs" CFLAGS='-g -O1' check \
	    TESTS="$t $i/t-smoke.sh $i/t-files.sh $i/t-campaign.sh"
}

# Memory that was never set is what the sanitizers cannot see. Not here: tests
# of ceilings (valgrind takes descriptors and memory of its own); check_api,
# which measures what its server does in seconds, and five that go through
# thousands of cases, minutes of them; the corpora stand in for those.
lane_valgrind()
{
	local dir=$top/build/valgrind clang=$top/build/clang rc=0 running=0 t
	local v=(valgrind -q --error-exitcode=99 --leak-check=full
	    --errors-for-leak-kinds=definite)
	clang_build || return 1
	mkdir -p "$dir"
	export top_srcdir=$top top_builddir=$clang
	# Check forks for each test: a child with an error exits with 99, which
	# it reports as an early exit.
	export CK_TIMEOUT_MULTIPLIER=20 CK_EXCLUDE_TAGS=resources
	for t in $(suites unit config) tests/io/check_fwfile \
	    tests/io/check_fwreq tests/io/check_loop tests/io/check_trackers \
	    $(find tests/fuzz -name 'replay_*' -type f -perm -u+x); do
		case $t in
		*/check_paths|*/check_proto_hex|*/check_zone) continue ;;
		*/check_trial|*/check_fleet_file) continue ;;
		esac
		if [ "$running" -ge "$jobs" ]; then
			wait -n || rc=1
			running=$((running - 1))
		fi
		step "$dir" "${t##*/}" "${v[@]}" "$t" &
		running=$((running + 1))
	done
	for t in $(jobs -p); do
		wait "$t" || rc=1
	done
	step "$dir" scenario "${v[@]}" tests/scenario/run happy.scn || rc=1
	step "$dir" smoke env TRACKUPD_UNDER="${v[*]}" \
	    "$top/tests/integration/t-smoke.sh" || rc=1
	return "$rc"
}

# --- static analysers, on what we ship; tests are theirs to break ------------

# It goes without the page's bytes, a table for which it takes half an hour.
lane_cppcheck()
{
	sources_ready cppcheck || return 1
	rm -f "$top/build/static/src/io/webassets.h"
	step "$PWD" sources "$top/.ci/each-source.sh" "$top" "$jobs" \
	    cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
	    --enable=warning,performance,portability --template=gcc \
	    --library="$top/.ci/cppcheck.cfg" "${source_flags[@]}"
}

# Left out is what contradicts the style or has too many false alarms here:
# swappable parameters, widening and narrowing (-Wconversion has those),
# sizeof of pointers in list macros, macro arguments that are no expressions,
# equal branches of a table.
lane_tidy()
{
	sources_ready tidy || return 1
	local checks='-*,bugprone-*,cert-*'
	checks+=,-bugprone-easily-swappable-parameters
	checks+=,-bugprone-implicit-widening-of-multiplication-result
	checks+=,-bugprone-narrowing-conversions
	checks+=,-bugprone-sizeof-expression,-bugprone-macro-parentheses
	checks+=,-bugprone-branch-clone
	step "$PWD" sources "$top/.ci/each-source.sh" "$top" "$jobs" \
	    clang-tidy --quiet --checks="$checks" --warnings-as-errors='*' \
	    @ -- -std=gnu11 "${source_flags[@]}"
}

# gcc 12 takes what is kept in a list for lost, so no leaks here; the
# sanitizers and valgrind look for those.
lane_analyzer()
{
	sources_ready analyzer || return 1
	step "$PWD" sources "$top/.ci/each-source.sh" "$top" "$jobs" \
	    gcc -std=gnu11 "${source_flags[@]}" -include \
	    "$top/.ci/analysis.h" -O2 -Werror -fanalyzer \
	    -Wno-analyzer-malloc-leak -c -o /dev/null
}

lane_scan()
{
	scan_with scan -analyzer-config mode=shallow
}

lane_deep()
{
	scan_with deep
}

# scan_with NAME [OPTION...]
scan_with()
{
	local name=$1
	shift
	sources_ready "$name" || return 1
	# scan-build's compiler stands in CC there.
	# shellcheck disable=SC2016
	step "$PWD" sources scan_reports scan-build --status-bugs \
	    "$@" --use-cc=clang -o "$PWD/reports" "$top/.ci/each-source.sh" \
	    "$top" "$jobs" sh -c 'exec $CC "$@"' scan \
	    -std=gnu11 "${source_flags[@]}" -include "$top/.ci/analysis.h" \
	    -c -o /dev/null
}

# A report is one failure. The page of each stays below build/scan/reports.
scan_reports()
{
	local out=$PWD/out n p
	rm -rf "$PWD/reports"
	"$@" >"$out" 2>&1
	local rc=$?
	cat "$out"
	p=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$out")
	n=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\2/p' "$out")
	n=$((${n:-1} + $(find "$PWD/reports" -name 'report-*.html' | wc -l)))
	[ "$rc" -eq 0 ] || [ "$n" -gt 0 ] || n=1
	echo "${p:-0} passed, $n failed"
	[ "$n" -eq 0 ]
}

# A folder of build/ for the lane NAME, in which to be; what was generated, and
# the flags of the preprocessor in source_flags.
sources_ready()
{
	local made=$top/build/static
	configure_in "$made" CC=gcc || return 1
	make -s -C "$made" src/store/sqltext.h src/io/webassets.h || return 1
	local packages
	packages=$(pkg-config --cflags libevent_core glib-2.0 sqlite3 yaml-0.1 jansson \
	    libcrypto libcurl smartcols libsystemd) || return 1
	# shellcheck disable=SC2206 # words on purpose
	source_flags=(-DHAVE_CONFIG_H "-DSYSCONFDIR=\"/etc\""
	    "-DLOCALSTATEDIR=\"/var\"" "-I$made" "-I$top/src" "-I$made/src"
	    $packages)
	mkdir -p "$top/build/$1" && cd "$top/build/$1" || return 1
}

# --- what came out -----------------------------------------------------------

lane_hardening()
{
	local dir=$top/build/hardening gcc=$top/build/gcc p rc=0
	gcc_build || return 1
	for p in trackupd trackupctl tracksim; do
		step "$dir" "$p" "$top/.ci/check-hardening.sh" "$gcc/$p" || rc=1
	done
	return "$rc"
}

# Without optimisation, so that a branch of the source is one of the program.
# The counts of a daemon that is killed are lost, and t-disk takes the memory
# away that they need.
lane_coverage()
{
	local dir=$top/build/coverage rc=0
	configure_in "$dir" CC=gcc --enable-coverage CFLAGS='-g -O0' || return 1
	cd "$dir" || return 1
	find . -name '*.gcda' -delete
	make -s -j"$jobs" all || return 1
	make -s -j"$jobs" check TESTS= || return 1
	local t
	t=$(suites unit config store io sim)
	t+=" tests/scenario/run tests/simulate/t-simulate.sh"
	t+=" tests/simulate/starve"
	t+=" tests/ctl/t-ctl.sh tests/ctl/t-manual.sh"
	t+=" tests/fuzz/replay_frame tests/fuzz/replay_yaml"
	t+=" tests/fuzz/replay_api "
	t+=$(cd "$top" && find tests/integration -name 't-*.sh' \
	    ! -name t-disk.sh ! -name t-storm.sh ! -name t-sum.sh \
	    ! -name t-unit.sh ! -name t-faults-doc.sh | sort | tr '\n' ' ')
	TRACKUPD_QUICK=1 make -s -k -j"$test_jobs" check TESTS="$t" || rc=1
	step "$dir" branches "$top/.ci/check-coverage.sh" "$top" "$dir" || rc=1
	cat "$dir/steps/branches.log"
	return "$rc"
}

# --- running them ------------------------------------------------------------

# The logs of what failed, each at its end: that is where the reason stands.
show_failures()
{
	local dir=$1 trs log
	find "$dir" \( -path "$dir/trackupd-*" -o -path "$dir/planted" \) -prune \
	    -o -name '*.trs' -print | sort | while read -r trs; do
		grep -Eq '^:test-result: (PASS|SKIP|XFAIL)' "$trs" && continue
		log=${trs%.trs}.log
		say "--- ${log#"$top"/} (its end)"
		tail -n 40 "$log"
	done
}

# Leaves "PASSED FAILED" in build/NAME.sum.
run_lane()
{
	local name=$1 began=$SECONDS rc=0 sum
	local dir=$top/build/$name log=$top/build/$name.log
	say "== $name: ${lane_what[$name]}"
	mkdir -p "$dir"
	find "$dir" -name '*.trs' -delete 2>/dev/null
	( "lane_$name" ) >"$log" 2>&1 || rc=$?
	sum=$("$top/build-aux/sum-tests.sh" "$dir")
	local counts=${sum##*$'\n'}
	local p=${counts%% *} f=${counts#* passed, }
	f=${f%% *}
	if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		sum+=$'\n'"failed: the lane itself, see build/$name.log"
	fi
	if [ "$f" -gt 0 ]; then
		say "--- build/$name.log (its end)"
		grep -vE '^(PASS|SKIP|# )' "$log" | tail -n 60
		show_failures "$dir"
	fi
	printf '%s\n' "$sum" | grep -vE '^[0-9]+ passed' | sed 's/^/   /'
	say "   $name: $p passed, $f failed ($((SECONDS - began)) s)"
	echo "$p $f" >"$top/build/$name.sum"
}

# What those beside say comes when they are through.
run_all()
{
	local lane beside
	(
		for lane in $busy_lanes; do
			( renice -n 10 -p "$BASHPID" >/dev/null 2>&1
			run_lane "$lane" )
		done
		for lane in $beside_lanes; do
			run_lane "$lane"
		done
	) >"$top/build/beside.log" 2>&1 &
	beside=$!
	for lane in $waiting_lanes; do
		run_lane "$lane"
	done
	wait "$beside"
	cat "$top/build/beside.log"
}

# check_lanes [LANE...]: all of them by default.
check_lanes()
{
	local lane p f total_passed=0 total_failed=0 all=no
	# shellcheck disable=SC2086 # words on purpose
	[ $# -gt 0 ] || { all=yes; set -- $all_lanes; }
	if [ "$*" = help ]; then
		for lane in $all_lanes $other_lanes; do
			printf '%-10s %s\n' "$lane" "${lane_what[$lane]}"
		done
		return 0
	fi
	for lane in "$@"; do
		[ -n "${lane_what[$lane]:-}" ] ||
			die "no such lane: $lane; there are: $all_lanes" \
			    "$other_lanes"
	done
	local needs=$build_needs$lane_needs_all
	for lane in "$@"; do
		needs+=${lane_needs[$lane]:-}
	done
	need "$needs"
	if [ "$all" = yes ]; then
		drop_root check
	else
		drop_root check "$@"
	fi
	if [ -z "${TRACKUPD_FRAMES:-}" ] && [ -d ../shared/data ]; then
		TRACKUPD_FRAMES=$(cd ../shared/data && pwd)
		export TRACKUPD_FRAMES
	fi
	bootstrap
	rm -f build/*.sum
	if [ "$all" = yes ]; then
		run_all
	else
		for lane in "$@"; do
			run_lane "$lane"
		done
	fi
	# A lane that left no sum was not run.
	for lane in "$@"; do
		read -r p f 2>/dev/null <"build/$lane.sum" || { p=0 f=1; }
		total_passed=$((total_passed + p))
		total_failed=$((total_failed + f))
	done
	say "$total_passed passed, $total_failed failed"
	[ "$total_failed" -eq 0 ]
}
