package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

func init() { areas["iocopy"] = inTemporary(ioCopy) }

// connected is a connection to a fresh listener: the dialled end and the accepted one.
func connected(network string) (client, server net.Conn) {
	address := "127.0.0.1:0"
	if network == "unix" {
		address = "@iocopy"
	}
	l, err := net.Listen(network, address)
	must(err)
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		c, err := l.Accept()
		must(err)
		accepted <- c
	}()
	client, err = net.Dial(network, l.Addr().String())
	must(err)
	return client, <-accepted
}

// ioCopy moves bytes by io.Copy and http-like means, for which package net uses splice and sendfile
// under the hood, and compares them.
func ioCopy() {
	for _, size := range []int{1, 4096, 100_000, 9_000_001} {
		data := pattern(size)
		want := sha256.Sum256(data)
		for _, up := range []string{"tcp", "unix"} {
			for _, down := range []string{"tcp", "unix", "file"} {
				relay(fmt.Sprintf("%s to %s, %d bytes", up, down, size), up, down, data, want)
			}
		}
		must(os.WriteFile("static", data, 0o644))
		for _, network := range []string{"tcp", "unix"} {
			f, err := os.Open("static")
			must(err)
			a, b := connected(network)
			go func() {
				n, err := io.Copy(a, f)
				say("file to "+network, "%d %v", n, err)
				a.Close()
			}()
			got, err := io.ReadAll(b)
			say("came", "%v %v", bytes.Equal(got, data), err)
			f.Seek(int64(size/3), 0)
			a, b = connected(network)
			go func() {
				io.Copy(a, io.LimitReader(f, int64(size/3)))
				a.Close()
			}()
			got, err = io.ReadAll(b)
			say("a part came", "%v %v", bytes.Equal(got, data[size/3:size/3*2]), err)
			f.Close()
		}
	}
	// A relay whose reader goes away, and one that waits.
	source, in := connected("tcp")
	out, sink := connected("tcp")
	done := make(chan bool)
	go func() {
		_, err := io.Copy(out, in)
		done <- err == nil
	}()
	source.Write([]byte("first"))
	b := make([]byte, 100)
	n, err := sink.Read(b)
	say("through", "%q %v", b[:n], err)
	time.Sleep(20 * time.Millisecond)
	source.Write([]byte("second"))
	n, err = sink.Read(b)
	say("through", "%q %v", b[:n], err)
	in.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	say("the deadline passes without error", "%v", <-done)
	in.SetReadDeadline(time.Time{})
	sink.(*net.TCPConn).SetLinger(0)
	sink.Close()
	go func() {
		_, err := io.Copy(out, in)
		done <- err == nil
	}()
	for stop := false; !stop; {
		source.Write(make([]byte, 10_000))
		select {
		case ok := <-done:
			say("to one who went without error", "%v", ok)
			stop = true
		case <-time.After(time.Millisecond):
		}
	}
}

func relay(what, up, down string, data []byte, want [32]byte) {
	source, in := connected(up)
	go func() {
		source.Write(data)
		source.Close()
	}()
	if down == "file" {
		f, err := os.Create("sink")
		must(err)
		n, err := io.Copy(f, in)
		f.Close()
		got, _ := os.ReadFile("sink")
		say(what, "%d %v %v", n, sha256.Sum256(got) == want, err)
		return
	}
	out, sink := connected(down)
	copied := make(chan string)
	go func() {
		n, err := io.Copy(out, in)
		out.Close()
		copied <- fmt.Sprint(n, " ", err)
	}()
	got, err := io.ReadAll(sink)
	say(what, "%s, %v %v", <-copied, sha256.Sum256(got) == want, err)
}
