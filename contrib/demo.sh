#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A server under conntrace. Clients with three addresses connect to it, the first of them waits for accept, and
# the server itself tries a port without a listener.
#
#     contrib/demo.sh CONNTRACE MKCONN [OPTION...]
set -eu
conntrace=$1
mkconn=$2
shift 2

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
port=$folder/port

# The first client lets the server begin to accept, so that a wait in the accept queue is seen.
"$mkconn" limit=30 wait-file="$port" bind=127.0.0.2:0 connect="127.0.0.1:@$port" touch="$folder/go" \
	send=120 recv=20000 close count=2 bind=127.0.0.2:0 connect="127.0.0.1:@$port" send=120 recv=20000 close 'done' &
"$mkconn" limit=30 wait-file="$port" count=3 bind=127.0.0.3:0 connect="127.0.0.1:@$port" \
	send=120 recv=20000 close 'done' &
"$mkconn" limit=30 wait-file="$port" bind=127.0.0.4:0 connect="127.0.0.1:@$port" send=120 recv=20000 close &

status=0
"$conntrace" "$@" -- "$mkconn" limit=30 listen=127.0.0.1:0 port-file="$port" \
	wait-file="$folder/go" count=7 accept recv=120 send=20000 wait-hup close 'done' connect=127.0.0.1:1 || status=$?
wait
exit $status
