// SPDX-License-Identifier: GPL-2.0-or-later

// scenario - connections of a Go program whose truth is known
//
//	scenario truth=FILE serve ADDRESS PORTFILE COUNT [ready=FILE]
//	scenario truth=FILE call ADDRESS PORTFILE COUNT [hold=PREFIX]
//
// COUNT connections at once: the caller sends 10 bytes and its FIN, the server answers with 20 and closes. Meanwhile
// another goroutine computes without a pause, so that the runtime interrupts it by SIGURG again and again. Each
// connection is reported as mkconn does, without thread and descriptor. With ready the server makes FILE and waits for a
// line before it accepts; with hold each connection waits for the file PREFIX.LPORT-RPORT, its ports, as mkconn's do.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var (
	truth   *os.File
	lock    sync.Mutex
	stopped int32
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "scenario:", err)
		os.Exit(2)
	}
}

func compute() uint64 {
	var sum uint64
	for i := uint64(0); atomic.LoadInt32(&stopped) == 0; i++ {
		for j := uint64(0); j < 1000000; j++ {
			sum += i ^ j
		}
	}
	return sum
}

func tell(c net.Conn, dir, first string, rx, tx int64) {
	local, remote := c.LocalAddr().(*net.TCPAddr), c.RemoteAddr().(*net.TCPAddr)
	line, err := json.Marshal(map[string]interface{}{
		"pid": os.Getpid(), "last_pid": os.Getpid(), "dir": dir, "laddr": local.IP.String(), "lport": local.Port,
		"raddr": remote.IP.String(), "rport": remote.Port, "result": "ok", "errno": "", "io_errno": "",
		"rx_bytes": rx, "tx_bytes": tx, "first_end": first, "how": "close",
	})
	must(err)
	lock.Lock()
	defer lock.Unlock()
	_, err = truth.Write(append(line, '\n'))
	must(err)
}

func serve(c net.Conn) {
	rx, err := io.Copy(io.Discard, c)
	must(err)
	tx, err := c.Write(make([]byte, 20))
	must(err)
	tell(c, "in", "remote", rx, int64(tx))
	must(c.Close())
}

func waitFile(name string) []byte {
	content, err := os.ReadFile(name)
	for ; err != nil; content, err = os.ReadFile(name) {
		time.Sleep(time.Millisecond)
	}
	return content
}

// The word behind the others that begins so.
func option(name string) (string, bool) {
	if len(os.Args) <= 6 || !strings.HasPrefix(os.Args[6], name) {
		return "", false
	}
	return strings.TrimPrefix(os.Args[6], name), true
}

func call(address string) {
	c, err := net.Dial("tcp", address)
	must(err)
	if prefix, held := option("hold="); held {
		waitFile(fmt.Sprintf("%s.%d-%d", prefix, c.LocalAddr().(*net.TCPAddr).Port, c.RemoteAddr().(*net.TCPAddr).Port))
	}
	tx, err := c.Write(make([]byte, 10))
	must(err)
	must(c.(*net.TCPConn).CloseWrite())
	rx, err := io.Copy(io.Discard, c)
	must(err)
	tell(c, "out", "local", rx, int64(tx))
	must(c.Close())
}

func main() {
	var all sync.WaitGroup
	var err error

	truth, err = os.OpenFile(strings.TrimPrefix(os.Args[1], "truth="), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0666)
	must(err)
	host, portFile := strings.Trim(os.Args[3], "[]"), os.Args[4]
	count, err := strconv.Atoi(os.Args[5])
	must(err)
	go compute()
	if os.Args[2] == "serve" {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		must(err)
		port := listener.Addr().(*net.TCPAddr).Port
		must(os.WriteFile(portFile+".new", []byte(strconv.Itoa(port)), 0666))
		must(os.Rename(portFile+".new", portFile))
		if ready, waits := option("ready="); waits {
			must(os.WriteFile(ready, nil, 0666))
			_, err := bufio.NewReader(os.Stdin).ReadString('\n')
			must(err)
		}
		for i := 0; i < count; i++ {
			c, err := listener.Accept()
			must(err)
			all.Add(1)
			go func() { defer all.Done(); serve(c) }()
		}
	} else {
		port := waitFile(portFile)
		for i := 0; i < count; i++ {
			all.Add(1)
			go func() { defer all.Done(); call(net.JoinHostPort(host, strings.TrimSpace(string(port)))) }()
		}
	}
	all.Wait()
	atomic.StoreInt32(&stopped, 1)
}
