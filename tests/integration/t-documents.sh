#!/bin/bash
# What README, tutorial and manuals show is what happens: the commands are taken
# from them and run as they stand, against real programs, with another root,
# other ports, and a time that runs faster.
#
# In Markdown, blocks marked sh are run, one after another in one shell; blocks
# marked yaml are checked. In the manuals, what stands in EXAMPLES behind "$ "
# or "# " is run, and the YAML of the pages of section 5 is checked.
# shellcheck disable=SC2016 # what is written into scripts stays as it is
. "${top_srcdir:?}/tests/integration/lib.sh"
command -v mandoc >/dev/null || { echo "mandoc is not there"; exit 77; }
mapfile -t port < <("$helper" ports 4)

# Paths, hosts and ports of the documents as they are here.
localize()
{
	sed -e "s|/etc/trackupd|$T/root/etc/trackupd|g" \
	    -e "s|/var/lib/trackupd|$T/root/lib|g" \
	    -e "s|/run/trackupd|$T/root/run|g" \
	    -e "s|fw\.example\.org|127.0.0.1|g" \
	    -e "s|0\.0\.0\.0|127.0.0.1|g" \
	    -e "s|9620|${port[0]}|g; s|9621|${port[2]}|g" \
	    -e "s|9622|${port[1]}|g"
}

# blocks KIND FILE: the fenced blocks of that kind, each behind a line "#---".
blocks()
{
	awk -v kind="$1" '
	$0 == "```" kind { on = 1; print "#---"; next }
	/^```/ { on = 0 }
	on { print }' "$2"
}

# A shell that runs one block after another, waits for a daemon that a block has
# started, and stops at the first that fails.
runner()
{
	cat <<-END
	set -eu
	PATH=$T/shim:$bin:\$PATH
	cd "$T/work"
	settle() {
		local i
		for s in $T/root/run/control.sock $T/work/lab/ctl.sock; do
			[ -e "\$s" ] || [ "\$starts" = yes ] || continue
			for ((i = 0; i < 100; i++)); do
				$bin/trackupctl -s "\$s" status >/dev/null \\
				    2>&1 && return
				sleep 0.1
			done
		done
	}
	END
	awk '
	/^#---$/ { flush() ; next }
	{ block = block $0 "\n" }
	function flush() {
		if (block == "")
			return
		n++
		starts = block ~ /&\n$/ ? "yes" : "no"
		printf "echo \"== block %d\"\n%s", n, block
		printf "starts=%s; settle\n", starts
		block = ""
	}
	END { flush(); print "echo all of it" }'
}

mkdir -p "$T/work" "$T/shim" "$T/root"/{etc/trackupd/campaigns.d,lib,run}

# The system that the documents speak of: a manager with one unit, the
# programs with their defaults, and no other user.
cat >"$T/shim/systemctl" <<END
#!/bin/sh
case "\$*" in
"enable --now trackupd")
	$T/shim/trackupd --time-scale 60 >>$T/daemon.log 2>&1 &
	echo \$! >$T/daemon.pid
	# Its unit is up when it says so.
	until $bin/trackupctl -s $T/root/run/control.sock status >/dev/null 2>&1
	do
		kill -0 \$! || exit 1
		sleep 0.1
	done ;;
"start trackupd") exec "\$0" enable --now trackupd ;;
"stop trackupd")
	kill "\$(cat $T/daemon.pid)"
	while kill -0 "\$(cat $T/daemon.pid)" 2>/dev/null; do sleep 0.1; done ;;
"reload trackupd") kill -HUP "\$(cat $T/daemon.pid)" ;;
*) echo "systemctl \$*: not known here" >&2; exit 1 ;;
esac
END
cat >"$T/shim/trackupd" <<END
#!/bin/sh
case " \$* " in
*" -c "*) exec $bin/trackupd "\$@" ;;
*) exec $bin/trackupd -c $T/root/etc/trackupd/trackupd.yaml "\$@" ;;
esac
END
cat >"$T/shim/trackupctl" <<END
#!/bin/sh
case " \$* " in
*" -s "*) exec $bin/trackupctl "\$@" ;;
*) exec $bin/trackupctl -s $T/root/run/control.sock "\$@" ;;
esac
END
cat >"$T/shim/install" <<'END'
#!/bin/sh
# Without the owner: there is one user here.
[ "$1" = -d ] && exec mkdir -p "$6"
echo "install $*: not known here" >&2
exit 1
END
cat >"$T/shim/runuser" <<'END'
#!/bin/sh
shift 3
exec "$@"
END
printf '#!/bin/sh\n' >"$T/shim/chown"
chmod +x "$T"/shim/*

# --- the tutorial --------------------------------------------------------------
blocks sh "$src/doc/tutorial.md" | localize | runner >"$T/tutorial.sh"
ok "the tutorial has commands" grep -q 'campaign start first' "$T/tutorial.sh"
status "the tutorial, as it stands" 0 timeout 300 bash "$T/tutorial.sh"
has "it goes to its end" "$T/out" '^all of it$'
has "it ends as the tutorial says" "$T/out" \
    "$(grep -m 1 '^campaign first: finished' "$src/doc/tutorial.md")"
for id in 867162020000022 867162020000030; do
	words=$(awk -v id=$id '$1 == id && $2 == "failed" { print $3 }' \
	    "$src/doc/tutorial.md")
	has "$id fails as the tutorial says" "$T/out" "^$id  *failed  *$words "
done
has "the report that the tutorial reads is there" "$T/out" ' 302 .*GTUPD'
has "the last campaign is aborted" "$T/out" '^State  *abort'

# --- README and operations.md: one machine, from its installation on -----------
firmware=$T/root/lib/firmware
yaml() { blocks yaml "$src/README.md" | localize | awk -v n="$1" \
    '/^#---$/ { i++; next } i == n'; }
{
	yaml 1
	cat <<-END
	  root: $firmware
	store: {path: $T/root/lib/trackupd.db}
	campaigns: {directory: $T/root/etc/trackupd/campaigns.d}
	control: {socket: $T/root/run/control.sock}
	http: {listen: []}
	END
} >"$T/root/etc/trackupd/trackupd.yaml"
yaml 2 >"$T/root/etc/trackupd/campaigns.d/first.yaml"
mkdir -p "$firmware"
"$helper" package 65536 >"$firmware/gv620mg_0A03_0A05.enc"
has "README has a campaign" "$T/root/etc/trackupd/campaigns.d/first.yaml" \
    '^campaign: first$'
tracker_port=${port[0]}
fleet 2 --first-id 867162020000006 --speed 60 --download
{
	blocks sh "$src/README.md"
	blocks sh "$src/doc/operations.md"
} | localize | runner >"$T/readme.sh"
status "README and operations.md, as they stand" 0 \
    timeout 200 bash "$T/readme.sh"
cp "$T/out" "$T/readme.out"
has "they go to their end" "$T/readme.out" '^all of it$'
has "the first campaign succeeds" "$T/readme.out" \
    '^campaign first: finished; 2 of 2 succeeded, 0 failed$'
has "the fleet was there" "$T/readme.out" '^867162020000014  '
has "a restored daemon is halted" "$T/readme.out" '^State  *halted'
has "a drain shows in the state" "$T/readme.out" '^State  *draining'
kill "$(cat "$T/daemon.pid")"
fleet_stop

finish
