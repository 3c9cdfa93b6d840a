#!/bin/sh
# The manuals against the sources and the programs: each command, route,
# parameter, field, error code, metric and word has its place in them; and what
# they name is there.
# shellcheck disable=SC2013 # one word a line, none with a blank
set -u
passed=0 failed=0
src=${top_srcdir:?}/src
ctl=$top_srcdir/man/trackupctl.8
api=$top_srcdir/man/trackupd-api.7

has() { # MANUAL WORD WHAT
	if grep -qwF -- "$2" "$1"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $(basename "$1") lacks $3 $2"
	fi
}

n=$passed
for word in $(sed -n 's/^	\(VERB\|LATER\)("\([a-z-]*\)".*/\2/p' \
    "$src/ctl/cmdtab.c"); do
	has "$ctl" "$word" command
done
[ $((passed - n)) -ge 20 ] || { echo "no commands found"; failed=1; }

for option in $(sed -n 's/^	{"\([a-z-]*\)", .*_argument.*/\1/p' \
    "$src/ctl/main.c"); do
	has "$ctl" "$option" option
done

n=$passed
for route in $(sed -n \
    's/^	\(GET\|OPERATE\|ABOUT\)("\([^"]*\)".*/\2/p; s/^	LATER([A-Z]*, "\([^"]*\)").*/\1/p' \
    "$src/io/api_route.c"); do
	route=${route%/\*}
	has "$api" "${route##*/}" route
done
[ $((passed - n)) -ge 20 ] || { echo "no routes found"; failed=1; }

n=$passed
for code in $(tr -d '\n' < "$src/io/api_route.c" | cat - "$src"/io/api*.c |
    grep -oE 'api_fail(_list)?\(c, [0-9]+, "[a-z_]+"' |
    sed 's/.*"\(.*\)"/\1/' | sort -u); do
	has "$api" "$code" code
done
[ $((passed - n)) -ge 12 ] || { echo "no codes found"; failed=1; }

# Names of fields stand before an s:, in the order of the pack calls.
n=$passed
for field in $(grep -hoE '^\s+"[a-z_]+", ?($|[a-z(0-9])' "$src"/io/api_*.c |
    grep -oE '[a-z_]+"' | tr -d '"' | sort -u); do
	has "$api" "$field" field
done
[ $((passed - n)) -ge 30 ] || { echo "no fields found"; failed=1; }

# --- and the other way: what the manuals name is there ---------------------------
bin=${top_builddir:?}
right() { # WHAT COMMAND...
	what=$1
	shift
	if "$@" > /dev/null 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $what"
	fi
}

# Each command of trackupctl(8) has help of its own.
n=$passed
sed -n '/^\.Sh COMMANDS/,/^\.Sh ENV/p' "$ctl" |
    sed -n 's/^\.It \(Xo \)*Cm \([a-z-]*\( [a-z-]*\)*\).*/\2/p' > commands.$$
while read -r words; do
	# shellcheck disable=SC2086 # one to three words
	right "trackupctl(8) has a command $words" \
	    "$bin/trackupctl" $words --help
done < commands.$$
[ $((passed - n)) -ge 20 ] || { echo "no commands in the manual"; failed=1; }

# Each option of the manuals is one of the program, at some level of its help.
{
	"$bin/trackupctl" --help
	while read -r words; do
		# shellcheck disable=SC2086
		"$bin/trackupctl" $words --help
	done < commands.$$
} > help.trackupctl.$$ 2> /dev/null
"$bin/trackupd" --help > help.trackupd.$$
"$bin/tracksim" --help > help.tracksim.$$
for page in trackupctl.8 trackupd.8 tracksim.1; do
	n=$passed
	for option in $(grep -E '^\.(It|Op|Xo).*Fl -[a-z]|^\.Fl -[a-z]' \
	    "$top_srcdir/man/$page" | grep -oE 'Fl -[a-z][a-z-]+' |
	    sed 's/Fl -//' | sort -u); do
		case $option in
		enable-*) continue ;; # of configure
		esac
		right "${page%.*} has an option --$option" \
		    grep -qw -- "--$option" "help.${page%.*}.$$"
	done
	[ $((passed - n)) -ge 5 ] || { echo "$page has no options"; failed=1; }
done
rm -f commands.$$ help.*.$$

# Metrics: each is in the manual, and each that a document names is there.
n=$passed
metrics=$(grep -ohE '"[a-z_]+", "(gauge|counter)"|write\(b, "[a-z_]+"' \
    "$src"/io/metrics*.c | sed 's/^[^"]*"\([a-z_]*\)".*/\1/' | sort -u)
for name in $metrics; do
	has "$api" "$name" metric
done
[ $((passed - n)) -ge 20 ] || { echo "no metrics found"; failed=1; }
for name in $(grep -ohE 'trackupd_[a-z_]+' "$top_srcdir"/doc/operations.md |
    sed 's/^trackupd_//' | sort -u); do
	right "there is a metric $name, which operations.md names" \
	    sh -c "echo '$metrics' | grep -qx '$name'"
done

# Words: each state, hold, phase and cause is in trackupd-campaign(5).
n=$passed
for table in target_state hold cause wave_state pause_reason; do
	for word in $(sed -n "/^WORDS([a-z_]*, $table,/,/^WORDS_PARSE/p" \
	    "$src/core/words.c" | grep -oE '"[a-z_0-9]+"' | tr -d '"'); do
		has "$top_srcdir/man/trackupd-campaign.5" "$word" "$table"
	done
done
[ $((passed - n)) -ge 50 ] || { echo "no words found"; failed=1; }

# Events of the log, each with its row in trackupd(8); those that the catalog
# knows have an asterisk there.
n=$passed
event_row() # WORDS
{
	if grep -qxF ".It Cm $1" "$top_srcdir/man/trackupd.8"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: trackupd(8) has no row for the event $1"
	fi
}
catalog=" $(sed -n 's/^	{"\([a-z_]*\)", "[0-9a-f]\{32\}"},/\1/p' \
    "$src/daemon/journal.c" | tr '\n' ' ')"
while read -r event; do
	case $catalog in
	*" $event "*) event="$event *" ;;
	esac
	event_row "$event"
done <<END
$(grep -hoE '"[a-z_]+( [a-z]+)? [a-z_]+=(%|\\")' "$src"/core/*.c \
    "$src"/io/*.c "$src"/daemon/*.c | sed 's/^"//; s/ [a-z_]*=.*//' | sort -u)
END
for event in $catalog; do
	event_row "$event *"
done
[ $((passed - n)) -ge 40 ] || { echo "no events found"; failed=1; }

# Each exit code has its row, and there is none too many.
codes=$(sed -n 's/^	CTL_[A-Z_]* = \([0-9]*\),.*/\1/p' "$src/ctl/ctl.h")
rows=$(sed -n '/^\.Sh EXIT/,/^\.El/s/^\.It \([0-9]*\)$/\1/p' "$ctl")
right "the exit codes of trackupctl(8) are those of ctl.h" \
    test -n "$codes" -a "$codes" = "$rows"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
