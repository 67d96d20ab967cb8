#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The bash completion offers what the option before asks for.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"

library=/usr/share/bash-completion/bash_completion
if [ ! -r "$library" ]; then
	echo "1..0 # SKIP bash-completion is not installed"
	exit 0
fi
# shellcheck disable=SC1090,SC1091
source "$library"
# shellcheck disable=SC1091
source "$top_srcdir/completions/conntrace.bash"

count=0
failed=0

# offers LINE WORD...: completing LINE offers every WORD.
offers() {
	local line=$1 word missing=
	shift
	COMP_LINE=$line
	COMP_POINT=${#line}
	read -r -a COMP_WORDS <<<"$line"
	[ "${line% }" = "$line" ] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_conntrace >/dev/null 2>&1
	for word in "$@"; do
		[[ " ${COMPREPLY[*]} " == *" $word "* ]] || missing="$missing $word"
	done
	count=$((count + 1))
	if [ -z "$missing" ]; then
		echo "ok $count - '$line' offers $*"
	else
		failed=$((failed + 1))
		echo "not ok $count - '$line' offers $*"
		echo "# lacks$missing, offers: ${COMPREPLY[*]}"
	fi
}

offers 'conntrace --rep' --report --replay
offers 'conntrace -q --no-' --no-follow --no-filter --no-header
offers 'conntrace --format ' table raw json csv tsv
offers 'conntrace -i l' lo
offers 'conntrace -z p' peers
offers 'conntrace --via a' auto
offers 'conntrace -d 3 --dir ' in out
offers "conntrace -p $$ --ti" --timeout --time
offers 'conntrace -q ech' echo
offers 'conntrace --only failed,re' failed,reset failed,retrans
offers 'conntrace --by peer,p' peer,port peer,pid peer,proto
offers 'conntrace --only=reset,' reset,failed
offers 'conntrace -i lo -- ech' echo
echo "1..$count"
[ "$failed" -eq 0 ]
