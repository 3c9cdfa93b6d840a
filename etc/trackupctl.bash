# Completion for bash: trackupctl, trackupd and tracksim.
#
# Commands and options are asked of the programs' own --help, which needs no
# daemon, so that they cannot grow apart. Campaigns and waves come from the
# daemon, when it answers within a second; ids of trackers do not, for a fleet
# has too many. Only words that shell and daemon agree upon are offered:
# names are a-z 0-9 - _ and a dot.

# What stands before the cursor: -s, -c and -o with their values, for the
# daemon that is meant to be asked.
_trackupctl_ask()
{
	local -a where=()
	local i

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket | -c | --config)
			where+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;;
		esac
	done
	timeout 1 "${COMP_WORDS[0]}" "${where[@]}" -o csv "$@" 2>/dev/null |
		sed -n '2,$s/^\([a-z0-9._-]*\),.*/\1/p'
}

# The commands below the words, or nothing: "trackupctl_commands campaign".
_trackupctl_commands()
{
	"${COMP_WORDS[0]}" "$@" --help 2>/dev/null |
		sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

_trackupctl_options()
{
	"$@" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u
}

# The argument of an option; 1: the word before is none that has one.
_trackupctl_value()
{
	local states='waiting active backoff succeeded failed cancelled
	    skipped unverified'
	local causes='no_ack refused refused_power_off bad_url foreign_cancel
	    low_battery low_battery_install download_failed update_failed
	    wrong_version silent timeout up_to_date no_path downgrade excluded
	    wrong_model wrong_hardware operator expired ambiguous_102'
	local holds='approval schedule halted paused draining store not_allowed
	    quarantined other_campaign foreign_update wave battery power_off
	    offline version_unknown timezone_unknown window window_fit
	    file_server dark_max in_flight rate'
	local words=

	case $1 in
	-s | --socket | -c | --config | --file)
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		return 0 ;;
	-o | --output) words='table json csv' ;;
	--state) words=$states ;;
	--cause) words=$causes ;;
	--hold) words=$holds ;;
	--wave) words=$(_trackupctl_ask wave list "$3") ;;
	--campaign) words=$(_trackupctl_ask campaign list) ;;
	--reason | --digest | --timeout | --for | --since | --seed | \
	    --devices) ;;
	*) return 1 ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$2")
}

_trackupctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local -a words=()
	local i list

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket | -c | --config | -o | --output | --reason | \
		    --state | --cause | --hold | --wave | --digest | \
		    --timeout | --for | --file | --since | --campaign | \
		    --seed | --devices)
			((i++)) ;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	_trackupctl_value "$prev" "$cur" "${words[2]-}" && return
	if [[ $cur == -* ]]; then
		list=$(_trackupctl_options "${COMP_WORDS[0]}" \
		    "${words[@]:0:2}")
	elif ((${#words[@]} == 0)); then
		list=$(_trackupctl_commands)
	elif ((${#words[@]} == 1)); then
		case ${words[0]} in
		campaign | device | wave | firmware | token)
			list=$(_trackupctl_commands "${words[0]}") ;;
		backup)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return ;;
		esac
	else
		case "${words[*]:0:2} ${#words[@]}" in
		'campaign check 2' | 'campaign plan 2' | 'campaign simulate 2')
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return ;;
		'campaign '*' 2' | 'wave '*' 2')
			list=$(_trackupctl_ask campaign list) ;;
		'wave approve 3')
			list=$(_trackupctl_ask wave list "${words[2]}") ;;
		'token new 3') list='read operate' ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "${list-}" -- "$cur")
}

# Programs that have options and no commands.
_trackupd_options()
{
	local cur=${COMP_WORDS[COMP_CWORD]}

	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
		    "$(_trackupctl_options "${COMP_WORDS[0]}")" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

complete -F _trackupctl -o filenames trackupctl
complete -F _trackupd_options -o filenames trackupd tracksim
