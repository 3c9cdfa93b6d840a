# man: mdoc, linted by check-manuals.sh.
dist_man_MANS += man/trackupctl.8
dist_man_MANS += man/trackupd-api.7
dist_man_MANS += man/trackupd.8
dist_man_MANS += man/trackupd.yaml.5
dist_man_MANS += man/trackupd-campaign.5
dist_man_MANS += man/tracksim.1

dist_check_SCRIPTS += build-aux/check-manuals.sh
TESTS += build-aux/check-manuals.sh
