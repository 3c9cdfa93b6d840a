# What the tests share: a daemon of the installed package, as its own user.
set -eu
T=$(mktemp -d /tmp/trackupd-XXXXXX)
chown trackupd:trackupd "$T"
daemon=
trap 'rc=$?; [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null; exit $rc' EXIT

die()
{
	echo "FAILED: $*"
	tail -n 20 "$T/daemon.log" 2>/dev/null
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
	setpriv --reuid=trackupd --regid=trackupd --init-groups \
	    /usr/sbin/trackupd -c "$T/trackupd.yaml" --time-scale 60 \
	    >>"$T/daemon.log" 2>&1 &
	daemon=$!
	wait_for 20 ctl status || die "it does not answer"
}

stop()
{
	kill -TERM "$daemon"
	wait "$daemon" || die "it ended with $?"
	daemon=
}

fleet()
{
	tracksim --connect 127.0.0.1:29620 --devices 20 \
	    --first-id A0000000000010 --firmware 0A03 --next-firmware 0A05 \
	    --speed 60 >"$T/sim.log" 2>&1 &
	sim=$!
}
