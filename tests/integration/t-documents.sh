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
requires mandoc:mandoc curl:curl jq:jq
mapfile -t port < <("$helper" ports 4)

# Paths, hosts, ports and the group of the documents as they are here.
localize()
{
	sed -e "s|/etc/trackupd|$T/root/etc/trackupd|g" \
	    -e "s|/var/lib/trackupd|$T/root/lib|g" \
	    -e "s|/run/trackupd|$T/root/run|g" \
	    -e "s|fw\.example\.org|127.0.0.1|g" \
	    -e "s|0\.0\.0\.0|127.0.0.1|g" \
	    -e "s|group: fleet|group: $(id -gn)|" \
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
	cd "$T/desk"
	settled() {
		local s
		for s in $T/root/run/control.sock $T/desk/lab/ctl.sock; do
			[ -e "\$s" ] && [ "\$($bin/trackupctl -s "\$s" \\
			    -o csv device list 2>&1 | grep -c '^[0-9A-F]\{14\}'
			    )" -ge "\$1" ] && $bin/trackupctl -s "\$s" \\
			    status >/dev/null 2>&1 && return
		done
		[ "\$2" = no ] && ! [ -e "\$s" ]
	}
	# settle DEVICES STARTED: until a daemon answers, and knows so many.
	settle() {
		local i
		for ((i = 0; i < 300; i++)); do
			settled "\$@" && return
			sleep 0.1
		done
		echo "nothing settles"
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
		devices = 0
		if (starts == "yes" && match(block, /--devices [0-9]+/))
			devices = substr(block, RSTART + 10, RLENGTH - 10)
		printf "echo \"== block %d\"\n%s", n, block
		printf "settle %d %s\n", devices, starts
		block = ""
	}
	END { flush(); print "echo all of it" }'
}

mkdir -p "$T/desk" "$T/shim" "$T/root"/{etc/trackupd/campaigns.d,lib,run}

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
	# Nobody may be there to take its status: then it stays, as a zombie.
	while grep -q '^State:.[^ZX]' "/proc/\$(cat $T/daemon.pid)/status" \
	    2>/dev/null; do sleep 0.1; done ;;
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
# Rates are not scaled with time: thirty starts would take half a minute.
blocks sh "$src/doc/tutorial.md" | localize |
    sed -e 's|^windows: always$|&\npace: {start_rate: 10/s}|' \
    -e 's|^http: .*|&\nlimits: {start_rate: 10/s}|' |
    runner >"$T/tutorial.sh"
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

# --- the manuals ---------------------------------------------------------------
# examples PAGE: the lines of EXAMPLES that are literal, as they are shown, each
# display behind a line "#---".
examples()
{
	awk '
	/^\.Sh / { on = $2 == "EXAMPLES" }
	on && /^\.Bd / { print "#---"; literal = 1; next }
	/^\.Ed/ { literal = 0 }
	on && /^\.Dl / { print "#---"; sub(/^\.Dl /, ""); print; next }
	on && literal { print }' "$src/man/$1" | sed 's/\\e/\\/g'
}

# Of these, what stands behind a prompt, with the lines that it goes on in.
prompted()
{
	awk '
	/^#---$/ { print; more = 0; next }
	/^[$#] / || more {
		if (!more)
			sub(/^[$#] /, "")
		more = /[\\|]$/
		print
	}'
}

# display PAGE N: one that is no shell.
display() { examples "$1" | localize | awk -v n="$2" \
    '/^#---$/ { i++; next } i == n'; }

# config YAML...: with what the documents take from the package.
config()
{
	cat "$@"
	cat <<-END
	store: {path: $T/root/lib/trackupd.db}
	campaigns: {directory: $T/root/etc/trackupd/campaigns.d}
	http: {listen: []}
	END
}

for n in 1 2; do
	display trackupd.yaml.5 $n >"$T/example"
	grep -q '^control:' "$T/example" ||
		echo "control: {socket: $T/root/run/control.sock}" >>"$T/example"
	config "$T/example" >"$T/example.yaml"
	printf 'secret12\n' >"$T/trackers"
	status "trackupd.yaml(5), example $n" 0 env \
	    CREDENTIALS_DIRECTORY="$T" "$bin/trackupd" -t -c "$T/example.yaml"
done
for n in $(seq "$(examples trackupd-campaign.5 | grep -c '^#---')"); do
	rm -rf "$T/root/etc/trackupd/campaigns.d"
	mkdir -p "$T/root/etc/trackupd/campaigns.d/lists" "$T/root/lib/firmware"
	echo 'id' >"$T/root/etc/trackupd/campaigns.d/lists/fleet.csv"
	echo A000002B41DEE0 >>"$T/root/etc/trackupd/campaigns.d/lists/fleet.csv"
	"$helper" package 4096 >"$T/root/lib/firmware/gv620mg_0A03_0A05.enc"
	display trackupd-campaign.5 "$n" \
	    >"$T/root/etc/trackupd/campaigns.d/example.yaml"
	{
		display trackupd.yaml.5 1
		echo "  root: $T/root/lib/firmware"
		echo "trackers: {listen: [\"127.0.0.1:${port[0]}\"]}"
		echo "control: {socket: $T/root/run/control.sock}"
	} | config - >"$T/root/etc/trackupd/trackupd.yaml"
	status "trackupd-campaign(5), example $n" 0 "$bin/trackupd" -t \
	    -c "$T/root/etc/trackupd/trackupd.yaml"
done

# The campaign of trackupctl(8) is the sample's, of two trackers, but nobody
# waits a day for its second wave.
"$helper" package 4096 >"$T/root/lib/firmware/gv620mg_0A01_0A03.enc"
localize <"$src/etc/campaign-example.yaml" |
    sed 's/soak: 24h, then: hold/soak: 0s/' \
    >"$T/root/etc/trackupd/campaigns.d/gv620mg-0a05.yaml"
rm "$T/root/etc/trackupd/campaigns.d/example.yaml"
sed -e "s|${port[0]}|${port[3]}|; s|/lib/trackupd.db|/lib/trial.db|" \
    -e "s|control.sock|trial.sock|; s|, *port.*||" \
    -e "s|campaigns: .*|campaigns: {directory: $T/desk}|" \
    -e "/^files:/,/^[a-z]*:/{/^ /d;/^files:/d}" \
    "$T/root/etc/trackupd/trackupd.yaml" >"$T/desk/trial.yaml"
cat >"$T/shim/tracksim" <<END
#!/bin/sh
# The examples go on until somebody has seen enough.
case " \$* " in
*" --duration "*) set -- "\$@" --duration 2s ;;
*) set -- "\$@" --duration 1s ;;
esac
exec $bin/tracksim "\$@"
END
chmod +x "$T/shim/tracksim"
tracker_port=${port[0]}
fleet 1 --first-id A000002B41DEE0 --speed 60 --download
first_pid=$sim_pid
"$bin/tracksim" --connect "127.0.0.1:$tracker_port" --devices 1 \
    --first-id 867162026310811 --speed 60 --download >"$T/sim2.log" 2>&1 &
second_pid=$!
{
	printf '#---\nsystemctl enable --now trackupd\n'
	examples trackupctl.8 | prompted
	printf '#---\ncd %s/desk\n' "$T"
	examples trackupd-api.7 | grep -v '^#---' | sed '1i #---'
	examples trackupd.8 | prompted
	printf '#---\nkill %%1\nwait\n'
	examples tracksim.1 | prompted
} | localize | runner >"$T/manuals.sh"
status "the examples of the manuals, as they stand" 0 \
    timeout 100 bash "$T/manuals.sh"
cp "$T/out" "$T/manuals.out"
has "they go to their end" "$T/manuals.out" '^all of it$'
has "their campaign succeeds" "$T/manuals.out" \
    '^campaign gv620mg-0a05: finished; 2 of 2 succeeded, 0 failed$'
has "their halt has figures" "$T/manuals.out" 'in flight'
has "a list as CSV" "$T/root/etc/trackupd/fleet.csv" '^A000002B41DEE0,'
kill "$(cat "$T/daemon.pid")"
wait_for 10 gone "$(cat "$T/daemon.pid")"
kill "$first_pid" "$second_pid"
wait "$first_pid" "$second_pid"
rm -rf "$T/root/lib" "$T/root/etc/trackupd/campaigns.d"
mkdir -p "$T/root/lib" "$T/root/etc/trackupd/campaigns.d"

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
