#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrong words are refused with a message that quotes them and says what is allowed."""
import cli

CASES = (
    (["-x"], 'unknown option "-x"'),
    (["--nonsense"], 'unknown option "--nonsense"'),
    (["-L"], "did you mean conntrack(8)?"),
    (["-E"], "did you mean conntrack(8)?"),
    (["-D"], "did you mean conntrack(8)?"),
    ([], "nothing to watch"),
    (["--"], "no COMMAND"),
    (["-p"], "needs an argument, PIDS; does the program run?"),
    (["-p", ""], "contains no PID"),
    (["-p", "nginx"], '"nginx" is not a PID'),
    (["-p", "0"], '"0" is not a PID'),
    (["-p", "-d", "3"], "is not a PID; does the program run"),
    (["-p", "1", "x"], '"x" is not a PID'),
    (["--timeout=0", "true"], '--timeout "0" is not allowed; it takes seconds from 0.001'),
    (["-d", "-1", "true"], '--duration "-1" is not allowed'),
    (["-d", "soon", "true"], '"soon"'),
    (["-c", "0", "true"], '--count "0"'),
    (["-I", "0", "true"], '--interval "0"'),
    (["--limit", "-5", "true"], '--limit "-5"'),
    (["--lport", "99999", "true"], '"99999" is not a port; allowed are 1 to 65535'),
    (["--rport", "90-80", "true"], '"90-80" is an empty range'),
    (["--lport", "no-such-service", "true"], '"no-such-service"'),
    (["--peer", "192.0.2.0/33", "true"], '"192.0.2.0/33"'),
    (["--peer", "10.1.2.3/8", "true"], "the network is 10.0.0.0/8"),
    (["--peer", "example.org", "true"], '"example.org"'),
    (["--group", "web", "true"], '"web": there is no ":"'),
    (["--group", "web:RX@10.9.0.2/24:80", "true"], '"10.9.0.2/24" has host bits set; the network is 10.9.0.0/24'),
    (["--group", "web:RX@*:99999", "true"], '"99999" is not a port'),
    (["--group", "web:UP@*:80", "true"], '"UP" is not a direction'),
    (["--only", "failed,nonsense", "true"], '--only: "nonsense" is no reason; allowed are failed, reset'),
    (["--only", "", "true"], '"" is no reason'),
    (["--only=gap", "true"], "--only=gap needs --gap-ms"),
    (["--only=long", "true"], "--only=long needs --long-ms"),
    (["--retrans-ms", "-1", "true"], '--retrans-ms "-1" is not allowed; it takes milliseconds from 0'),
    (["--idle-ms", "never", "true"], '--idle-ms "never"'),
    (["--dir", "up", "true"], "allowed are in and out"),
    (["--via", "carrier-pigeon", "true"], 'does not know "carrier-pigeon"'),
    (["-z", "nonsense", "true"], 'does not know "nonsense"; allowed are peers, conns (also called conv,tcp), groups, http,tree, tls,tree, io,stat,SEC and histogram,COLUMN'),
    (["--format", "xml", "true"], 'does not know "xml"; allowed are table, raw, json, csv, tsv, for io,stat plot and for --ladder mermaid'),
    (["--time", "soon", "true"], 'does not know "soon"'),
    (["--color", "blue", "true"], 'does not know "blue"'),
    (["--debug", "nonsense", "true"], 'does not know "nonsense"'),
    (["-u", "no-such-user-here", "true"], '"no-such-user-here" is not a user'),
    (["--by", "nonsense", "true"], "nonsense"),
    (["--by", "peer,", "true"], "--by"),
    (["--by", "cidr/129", "true"], "cidr/129"),
    (["--sort", "nonsense", "true"], "nonsense"),
    (["--sort", "CONNS:up", "true"], "up"),
    (["-O", "NONSENSE", "true"], "NONSENSE"),
    (["-O", "", "true"], "--columns"),
    (["-z", "histogram", "true"], "--report=histogram lacks the column: HS_MS, QUEUE_MS, RTT_MS, FIRST_MS, CONNECT_MS or TLS_MS"),
    (["-z", "histogram,FOO", "true"], '"histogram,FOO" is not allowed; it takes HS_MS, QUEUE_MS, RTT_MS, FIRST_MS, CONNECT_MS or TLS_MS'),
    (["--context=5", "true"], "--context does nothing without a ladder"),
    (["--live", "--context=5", "true"], "--context does nothing without a ladder"),
    (["--only=reset", "--live", "true"], "--only does nothing without a report of connections by their end"),
    (["-r", "x", "--only=reset", "-z", "http,tree", "-z", "tls,tree"], "--only does nothing without a report"),
    (["-r", "x", "--suspicious", "--events=messages"], "--suspicious does nothing without a report of connections"),
    (["--metrics-peers=5", "true"], "--metrics-peers does nothing without --metrics=FILE"),
    (["--null=x", "true"], "--null does nothing without --format=csv or --format=tsv"),
    (["--format=tsv", "--null=a\tb", "true"], '--null "a\\x09b" is not allowed'),
    (["-d", "1w", "true"], "or a number with s, m, h or d"),
    (["--durration=1", "true"], 'unknown option "--durration"; did you mean --duration?'),
    (["--reprot", "x"], "did you mean --report?"),
    (["--frobnicate"], 'unknown option "--frobnicate"\n'),
    (["--promisc", "true"], "--promisc does nothing without"),
    (["--filter", "tcp", "true"], "--filter does nothing without"),
    (["-r", "file", "-p", "1"], "--read cannot go with --pid"),
    (["-r", "file", "-i", "lo"], "--read cannot go with --interface"),
    (["-r", "file", "port", "80", "-c", "5"], '"-c" follows the packet filter "port"; options come before it\n'),
    (["-i", "lo", "curl", "-s", "x"],
     '"-s" follows the packet filter "curl"; options come before it, a COMMAND after --'),
    (["-i", "lo", "./server"], "see pcap-filter(7); to launch a COMMAND write -- before it"),
    (["--via=diag", "--live", "true"], "--live does nothing with --via=diag"),
    (["--via=diag", "--no-io-uring", "true"], "--no-io-uring does nothing with --via=diag"),
)


def main():
    test = cli.Cli()
    for words, part in CASES:
        test.usage(words, part)
    test.path("good.pcap", cli.scenario())
    test.usage(["-r", "good.pcap", "port", "nonsense", "or"], "port nonsense or")
    test.usage(["-r", "good.pcap", "--filter", "tcp["], "tcp[")
    test.end()


main()
