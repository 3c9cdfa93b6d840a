#!/usr/bin/env bash
# /metrics as Prometheus reads it, the alert rules, and the dashboard, which
# know no metric that there is not.
# shellcheck source=tests/integration/lib.sh
. "${top_srcdir:?}/tests/integration/lib.sh"
requires curl:curl promtool:prometheus
port=$("$helper" ports 1)
base=http://127.0.0.1:$port
write_config "" "http: {listen: [\"127.0.0.1:$port\"]}"
first=860000000000009
n=10
"$helper" package 65536 >"$T/firmware/0A05.enc"
fleet_ids "$n" "${first%?}" >"$T/campaigns/all.txt"
cat >"$T/campaigns/first.yaml" <<-END
campaign: first
approval: none
targets: {file: all.txt}
target_version: "0A05"
packages: [{from: "0A03", to: "0A05", file: 0A05.enc}]
windows: always
window_fit: false
pace: {in_flight: 10, start_rate: 20/s}
END
ok "the daemon starts" daemon_start --time-scale 60 || finish
fleet "$n" --first-id "$first" --firmware 0A03 --next-firmware 0A05 \
    --speed 60 --download
status "wait" 0 timeout 120 "$bin/trackupctl" -s "$T/ctl" campaign wait first
curl -s "$base/metrics" >"$T/metrics"
# 3 is what promtool says of advice, such as a counter without _total.
status "promtool check metrics" 0 promtool check metrics <"$T/metrics"
ok "and nothing to say" test ! -s "$T/err"

value() { awk -v m="$1" '$1 == m {print $2}' "$T/metrics"; }
is "targets" "$(value 'trackupd_campaign_targets{campaign="first",state="succeeded"}')" "$n"
is "the state" "$(value 'trackupd_campaign_state{campaign="first",state="finished"}')" 1
is "and no other" "$(value 'trackupd_campaign_state{campaign="first",state="running"}')" 0
is "attempts" "$(value 'trackupd_attempts_total{campaign="first",result="succeeded"}')" "$n"
is "starts" "$(value 'trackupd_commands_total{command="start"}')" "$n"
is "reports of success" "$(value 'trackupd_reports_total{code="301"}')" "$n"
is "updates took their time" "$(value trackupd_update_seconds_count)" "$n"
ok "commits are counted" test "$(value trackupd_commit_seconds_count)" -gt 0
ok "dispatches too" test "$(value trackupd_dispatch_seconds_count)" -ge "$n"
is "bytes served" "$(value trackupd_files_bytes_total)" "$((n * 65536))"
ok "no device is named" test -z "$(grep -F "${first%????}" "$T/metrics")"
for m in build_info connections devices_online frames_total \
    frame_errors_total commands_total reports_total campaign_targets \
    campaign_state wave_state attempts_total dispatch_seconds commit_seconds \
    update_seconds files_bytes_total reload_success \
    reload_timestamp_seconds; do
	has "HELP of $m" "$T/metrics" "^# HELP trackupd_$m [A-Z1]"
	has "TYPE of $m" "$T/metrics" "^# TYPE trackupd_$m (counter|gauge|histogram)$"
done

# Rules and dashboard.
cp "$src/etc/trackupd.rules.yml" "$src/tests/integration/rules.test.yml" "$T"
status "promtool check rules" 0 promtool check rules "$T/trackupd.rules.yml"
status "promtool test rules" 0 promtool test rules "$T/rules.test.yml"
for m in $(sed -n 's/^ *- alert: //p' "$T/trackupd.rules.yml"); do
	has "$m is tested" "$T/rules.test.yml" "alertname: $m\$"
done
for m in $(grep -ohE 'trackupd_[a-z_]+' "$T/trackupd.rules.yml" \
    "$src/etc/grafana-dashboard.json" | sort -u); do
	has "$m is there" "$T/metrics" "^$m[ {]"
done
ok "the dashboard is JSON" test \
    "$(get 'panels.#' <"$src/etc/grafana-dashboard.json")" -ge 15
ok "the fleet ends" fleet_stop
ok "the daemon ends" daemon_stop
finish
