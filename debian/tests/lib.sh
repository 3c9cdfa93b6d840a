# What the tests share: a daemon of the installed package. Where systemd runs it
# is the service itself, in all its confinement, with another configuration;
# elsewhere a process of the same user.
set -eu
install -d -m 750 -o trackupd -g trackupd /var/lib/trackupd
T=$(mktemp -d /var/lib/trackupd/test-XXXXXX)
chown trackupd:trackupd "$T"
dropin=/run/systemd/system/trackupd.service.d
daemon= sim=
systemd=no
[ ! -d /run/systemd/system ] || systemd=yes
trap 'rc=$?; cleanup; exit $rc' EXIT

cleanup()
{
	[ -z "$sim" ] || kill -KILL "$sim" 2>/dev/null || :
	[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || :
	[ ! -d "$dropin" ] || {
		rm -r "$dropin"
		systemctl daemon-reload
		systemctl restart trackupd || :
	}
	rm -rf "$T"
}

# What it said since it was started.
log()
{
	if [ "$systemd" = yes ]; then
		journalctl -q --sync || :
		journalctl -q -o cat -u trackupd
	else
		cat "$T/daemon.log"
	fi
}

die()
{
	echo "FAILED: $*"
	log | tail -n 20
	exit 1
}

ctl() { trackupctl -s "$T/ctl" --yes --no-color "$@"; }

# wait_for SECONDS COMMAND...
wait_for()
{
	n=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ "$n" -gt 0 ] || return 1
		sleep 0.1
	done
}

config()
{
	mkdir "$T/campaigns"
	cat >"$T/trackupd.yaml" <<-END
	trackers: {listen: ["127.0.0.1:29620"]}
	store: {path: $T/trackupd.db, min_free: 0}
	campaigns: {directory: $T/campaigns}
	http: {listen: []}
	control: {socket: $T/ctl}
	END
	cat >"$T/campaigns/first.yaml" <<-END
	campaign: first
	approval: none
	targets: {file: ids.txt}
	target_version: "0A05"
	packages: [{from: any, to: "0A05", url: "http://127.0.0.1:9/x.enc"}]
	windows: always
	window_fit: false
	pace: {in_flight: 5, start_rate: 10/s}
	retry: {max_attempts: 10, backoff: 1m}
	timeouts: {ack: 30s, confirm: 30s, silent: 10m}
	END
	: >"$T/campaigns/ids.txt"
	for i in $(seq 16 35); do
		printf 'A00000000000%02X\n' "$i" >>"$T/campaigns/ids.txt"
	done
}

start()
{
	if [ "$systemd" = yes ]; then
		mkdir -p "$dropin"
		cat >"$dropin/test.conf" <<-END
		[Service]
		ExecStart=
		ExecStart=/usr/sbin/trackupd -c $T/trackupd.yaml --time-scale 60
		END
		systemctl daemon-reload
		systemctl restart trackupd || die "it does not start"
	else
		setpriv --reuid=trackupd --regid=trackupd --init-groups \
		    /usr/sbin/trackupd -c "$T/trackupd.yaml" --time-scale 60 \
		    >>"$T/daemon.log" 2>&1 &
		daemon=$!
	fi
	wait_for 20 ctl status || die "it does not answer"
}

stop()
{
	if [ "$systemd" = yes ]; then
		systemctl stop trackupd
		[ "$(systemctl show -p Result --value trackupd)" = success ] ||
			die "it ended badly"
	else
		kill -TERM "$daemon"
		wait "$daemon" || die "it ended with $?"
		daemon=
	fi
}

# fleet [ARGUMENT...]
fleet()
{
	tracksim --connect 127.0.0.1:29620 --devices 20 \
	    --first-id A0000000000010 --firmware 0A03 --next-firmware 0A05 \
	    --speed 60 --truth "$T/truth" "$@" >"$T/sim.log" 2>&1 &
	sim=$!
}

# Every tracker has the new firmware, and none installed it twice.
fleet_is_well()
{
	kill "$sim"
	wait "$sim" || die "tracksim ended with $?"
	sim=
	[ "$(grep -c '"flashed": *\["0A05"\]' "$T/truth")" -eq 20 ] || {
		cat "$T/truth"
		die "not every tracker installed it once"
	}
}
