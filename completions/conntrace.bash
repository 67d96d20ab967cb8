# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for conntrace(1)

# Words of a list separated by commas: completes the last one, and offers none that is there already.
_conntrace_list() {
	local done=${cur%"${cur##*,}"} word words=()

	for word in $1; do
		[[ ,$done == *,"$word",* ]] || words+=("$word")
	done
	COMPREPLY=($(compgen -P "$done" -W "${words[*]}" -- "${cur##*,}"))
}

_conntrace() {
	local cur prev words cword split=false
	_init_completion -s || return

	local options='-p --pid -u --user -f --no-follow --no-filter --no-io-uring --watch-close --all --comm --unit --cgroup --container --via --look-ms -i --interface -r --read --filter --promisc
		--decapsulate --local --snaplen -B --buffer-size --drop-to -4 -6 --dir --lport --rport --peer -d --duration -c --count --packets
		--group --only --suspicious --retrans-ms --slow-ms --limited-ms --gap-ms --long-ms --idle-ms
		-I --interval --align --timeout --max-connections -z --report --by --sort --limit --events --ladder --ladder-chars --live --context --top --keep --speed -o --output --append -O --columns --format
		-j --json -H --no-header --schema --null --human --time -N --resolve -n --redact --color -q --quiet -w --write --rotate --record --strace-log --audit-log --replay
		--control --metrics --metrics-peers --html --html-title
		--expect --learn --metrics-by
		-h --help -V --version --list-columns --check --debug'
	# Options whose argument is the next word; the first operand behind them is a command.
	local with_argument='-p|--pid|-u|--user|--comm|--unit|--cgroup|--container|--via|--look-ms|-i|--interface|-r|--read|--filter|--decapsulate|--local|--snaplen|-B|--buffer-size|--drop-to'
	with_argument+='|--dir|--lport|--rport|--peer|-d|--duration|-c|--count|--packets|-I|--interval|--timeout|-z|--report|--by'
	with_argument+='|--group|--max-connections|--only|--retrans-ms|--slow-ms|--limited-ms|--gap-ms|--long-ms|--idle-ms'
	with_argument+='|--events|--ladder|--ladder-chars|--redact|--context'
	with_argument+='|--sort|--limit|--keep|--speed|-o|--output|-O|--columns|--format|--schema|--null|--time|--color|-w|--write|--rotate|--record|--replay|--debug|--strace-log|--audit-log'
	with_argument+='|--control|--metrics|--metrics-peers|--html|--html-title'
	with_argument+='|--expect|--metrics-by'

	local i
	for ((i = 1; i < cword; i++)); do
		if [[ ${words[i]} == -- ]]; then
			_command_offset $((i + 1))
			return
		elif [[ ${words[i]} =~ ^($with_argument)$ ]]; then
			((i++))
			[[ ${words[i]} != = ]] || ((i++))
		elif [[ ${words[i]} != -* && ${words[i]} != = ]]; then
			# An operand: a command, unless packets or PIDs were asked for.
			[[ ${words[*]:1:i} == *-[pir]* || ${words[*]:1:i} == *--@(pid|interface|read|replay|strace-log|audit-log)* ]] ||
				_command_offset "$i"
			return
		fi
	done

	case $prev in
	-p | --pid) _pids ;;
	-u | --user | --drop-to) _allowed_users ;;
	-i | --interface)
		_available_interfaces -a
		COMPREPLY+=($(compgen -W 'any' -- "$cur"))
		;;
	-r | --read) _filedir '@(pcap|pcapng|cap)?(.gz|.zst|.lz4)' ;;
	--via) COMPREPLY=($(compgen -W 'auto ptrace diag bpf perf audit' -- "$cur")) ;;
	-o | --output | -w | --write | --control | --metrics | --html | --record | --strace-log | --audit-log | --replay) _filedir ;;
	--only)
		_conntrace_list 'failed reset syn-rtx retrans slow gap long frag dup idle open kernel timeout rwnd sndbuf app'
		;;
	--metrics-by) _conntrace_list 'program unit' ;;
	--dir) COMPREPLY=($(compgen -W 'in out' -- "$cur")) ;;
	-z | --report) COMPREPLY=($(compgen -W 'peers conns groups http,tree tls,tree io,stat,1 histogram,HS_MS
		histogram,QUEUE_MS histogram,RTT_MS histogram,FIRST_MS histogram,CONNECT_MS histogram,TLS_MS' -- "$cur")) ;;
	--by) _conntrace_list 'peer dir port pid comm exe uid user lport rport netns proto result group laddr server client cgroup unit container parent name' ;;
	--events) COMPREPLY=($(compgen -W 'handshakes messages messages:' -- "$cur")) ;;
	--ladder) _conntrace_list 'suspicious all full' ;;
	--redact) _conntrace_list 'addr host path comm user args' ;;
	--format) COMPREPLY=($(compgen -W 'table raw json csv tsv plot mermaid' -- "$cur")) ;;
	--schema) COMPREPLY=($(compgen -W 'conntrace zeek ecs otel' -- "$cur")) ;;
	--time) COMPREPLY=($(compgen -W 'clock epoch iso relative delta' -- "$cur")) ;;
	--color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")) ;;
	--decapsulate) _conntrace_list 'ipip gre vxlan geneve all' ;;
	--debug) _conntrace_list 'sources events batch:' ;;
	-O | --columns | --sort)
		_conntrace_list "$(conntrace --list-columns 2>/dev/null | awk 'NR > 1 { print $2 }')"
		;;
	--comm | --unit | --cgroup | --container | --filter | --null | --metrics-peers | --html-title | --snaplen | -B | --buffer-size | --lport | --rport | --peer | --local | --context | --ladder-chars | --group | --retrans-ms | --slow-ms | --limited-ms | --gap-ms | \
		--long-ms | --idle-ms | -d | --duration | -c | --count | --packets | \
		--expect | --look-ms | -I | --interval | --timeout | --max-connections | --limit | --keep | --speed | --rotate) ;;
	*)
		$split && return
		if [[ $cur == -* ]]; then
			COMPREPLY=($(compgen -W "$options" -- "$cur"))
		else
			COMPREPLY=($(compgen -c -- "$cur"))
		fi
		;;
	esac
} &&
	complete -F _conntrace conntrace
