#!/usr/bin/env bash
# Runs a command for each C file of src/, some at a time:
#
#   each-source.sh TOP JOBS COMMAND [ARGUMENT...]
#
# The file is put where an argument is @, else at the end. A file is fine when
# the command ends with 0. The last line is "N passed, N failed".
set -u
top=${1:?usage: each-source.sh TOP JOBS COMMAND...} jobs=${2:?}
shift 2
[ $# -gt 0 ] || { echo "each-source: no command" >&2; exit 2; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# one FILE OUTPUT COMMAND...: no status file when it went well.
one()
{
	local file=$1 out=$2 a words=() placed=no
	shift 2
	for a in "$@"; do
		[ "$a" = @ ] && a=$file placed=yes
		words+=("$a")
	done
	[ "$placed" = yes ] || words+=("$file")
	"${words[@]}" >"$out" 2>&1 || echo $? >"$out.status"
}

mapfile -t files < <(find "$top/src" -name '*.c' | sort)
running=0
for i in "${!files[@]}"; do
	if [ "$running" -ge "$jobs" ]; then
		wait -n
		running=$((running - 1))
	fi
	one "${files[i]}" "$tmp/$i" "$@" &
	running=$((running + 1))
done
wait

passed=0 failed=0
for i in "${!files[@]}"; do
	if [ -f "$tmp/$i" ] && [ ! -f "$tmp/$i.status" ]; then
		passed=$((passed + 1))
		echo "ok: ${files[i]#"$top"/}"
	else
		failed=$((failed + 1))
		cat "$tmp/$i"
		echo "failed: ${files[i]#"$top"/}"
	fi
done
[ ${#files[@]} -gt 0 ] || { echo "no sources below $top/src"; failed=1; }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
