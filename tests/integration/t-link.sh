#!/usr/bin/env bash
# What crosses a network: trackers behind a slow link that all download in time;
# a tracker and a platform whose machines are gone without a word. Each has a
# network namespace of its own, where that is permitted.
PATH=$PATH:/usr/sbin:/sbin
if [ "${IN_NAMESPACE:-}" != yes ]; then
	unshare -rn sh -c 'ip link add va type veth peer name vb &&
	    tc qdisc add dev va root tbf rate 1mbit burst 10kb latency 1s' \
	    >/dev/null 2>&1 ||
		{ echo "no network namespaces here"; exit 77; }
	IN_NAMESPACE=yes exec unshare -rn "$0" "$@"
fi
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
mkdir "$T/in"
ip link set lo up

# namespace NAME ADDRESS ITS_ADDRESS: its pid in NAME, the link is NAME here.
namespace()
{
	unshare -n sleep 600 &
	local pid=$!
	printf -v "$1" %s "$pid"
	apart() { [ "$(readlink "/proc/$pid/ns/net")" != \
	    "$(readlink /proc/$$/ns/net)" ]; }
	wait_for 10 apart
	ip link add "$1" type veth peer name far
	ip link set far netns "$pid"
	ip addr add "$2/24" dev "$1"
	ip link set "$1" up
	nsenter -t "$pid" -n sh -c "ip link set lo up
	    ip addr add $3/24 dev far; ip link set far up"
}
namespace field 10.77.0.1 10.77.0.2 && namespace beyond 10.78.0.1 10.78.0.2
link_of() { nsenter -t "$1" -n ip link set far "$2"; }

write_config
sed -i "s|127\.0\.0\.1|10.77.0.1|g" "$T/trackupd.yaml"
echo "limits: {start_rate: 50/s}" >>"$T/trackupd.yaml"
# 160 kB/s of link, of which 110 are given out; a third of all at a time.
tc qdisc add dev field root tbf rate 1280kbit burst 16kb latency 300ms
sed -i "s/^files:/&\n  rate: 110000/" "$T/trackupd.yaml"
n=6
"$helper" package 160000 >"$T/firmware/0A05.enc"
fleet_ids "$n" >"$T/campaigns/all.txt"
cat >"$T/campaigns/slow.yaml" <<-END
campaign: slow
approval: none
targets: {file: all.txt}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
pace: {start_rate: 50/s, jitter: 0%}
command: {max_download_retry: 0, download_timeout: 5m}
timeouts: {ack: 10m, confirm: 10m, start_download: 10m, silent: 60m}
END
ok "the daemon starts" daemon_start --time-scale 60 || finish
nsenter -t "$field" -n "$bin/tracksim" --connect "10.77.0.1:$tracker_port" \
    --devices "$n" --speed 60 --download --truth "$T/truth" >"$T/sim.log" 2>&1 &
sim_pid=$!
held() { [ "$(campaign_field slow holds.file_server)" -ge 1 ]; }
ok "some wait for the file server" wait_for 20 held
status "wait" 0 timeout 60 "$bin/trackupctl" -s "$T/ctl" campaign wait slow
ctl campaign show slow --json >"$T/show.json"
is "all succeeded" "$(get targets.succeeded <"$T/show.json")" "$n"
is "at the first attempt" "$(get attempts <"$T/show.json")" "$n"
ok "the fleet ends" fleet_stop
is "no download failed" "$(grep -c '"code":202' "$T/truth")" 0
is "each downloaded once" \
    "$(grep -c '"downloads":{"ok":1,"failed":0' "$T/truth")" "$n"
ok "the daemon ends" daemon_stop

# A platform in the third namespace; 240 s are 4 s.
rm "$T"/campaigns/*
tc qdisc del dev field root
sed -i '/^files:/,/public_url/d' "$T/trackupd.yaml"
echo 'relay: {upstream: "10.78.0.2:5004"}' >>"$T/trackupd.yaml"
nsenter -t "$beyond" -n "$bin/tests/integration/platform" 10.78.0.2:5004 \
    "$T/in" >"$T/platform.out" 2>"$T/platform.log" &
ok "the platform starts" wait_for 10 grep -q ready "$T/platform.out"
ok "the daemon starts" daemon_start --time-scale 60 || finish
nsenter -t "$field" -n "$bin/tracksim" --connect "10.77.0.1:$tracker_port" \
    --devices 4 --speed 60 --heartbeat 1m --truth "$T/truth" >"$T/sim.log" 2>&1 &
sim_pid=$!
relay_is() { [ "$(ctl status --json | get "relay.$1")" -ge "$2" ]; }
ok "all are relayed" wait_for 20 relay_is connected 4
link_of "$beyond" down
ok "a platform that is gone is noticed" wait_for 20 relay_is reset 4
ok "trackers come again, and wait" wait_for 20 relay_is waiting 1
is_down() { [ "$(ctl status --json | get relay.upstreams.0.up)" = false ]; }
ok "it is known to be down" wait_for 20 is_down
link_of "$beyond" up
ok "it is back" wait_for 20 relay_is connected 4
before=$(cat "$T"/in/*.in | wc -c)
more() { [ "$(cat "$T"/in/*.in | wc -c)" -gt "$before" ]; }
ok "and hears them" wait_for 20 more

# Trackers whose link is gone: something is owed to them, and is not taken. At
# the latest what their platform answers to a heartbeat that still came.
id=$(fleet_ids 1)
link_of "$field" down
status "a command to one of them" 0 ctl device probe "$id"
offline() { [ "$(ctl device show "$id" --json | get online)" = false ]; }
ok "is not taken: it is offline" wait_for 20 offline
ok "which counts" test \
    "$(ctl status --json | get limits.output_ms.hits)" -ge 1
link_of "$field" up
online() { ! offline; }
ok "it comes again" wait_for 20 online
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
