# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for conntrace-stat(1)

_conntrace_stat() {
	local cur prev words cword split=false
	_init_completion -s || return

	case $prev in
	-U | --socket) _filedir ;;
	-c | --client) ;;
	*)
		$split && return
		COMPREPLY=($(compgen -W '-U --socket -j --json -g --gmetric --openmetrics --reset -c --client -h --help -V --version' \
			-- "$cur"))
		;;
	esac
} &&
	complete -F _conntrace_stat conntrace-stat
