package main

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func unixStream() {
	s := unixSocket(syscall.SOCK_STREAM)
	receive("receive unconnected", s, 10, 0)
	send("send unconnected", s, "x", 0)
	result("shut down unconnected", syscall.Shutdown(s, syscall.SHUT_RDWR))
	raw("shut down badly", syscall.SYS_SHUTDOWN, uintptr(s), 7)

	a, b := unixPair(syscall.SOCK_STREAM | nonblock)
	intOption("type", a, syscall.SO_TYPE)
	intOption("domain", a, 39)
	intOption("protocol", a, 38)
	intOption("listening", a, syscall.SO_ACCEPTCONN)
	say("names", "%s, %s", nameOf(syscall.SYS_GETSOCKNAME, a), nameOf(syscall.SYS_GETPEERNAME, b))
	receive("receive nothing", a, 10, 0)
	send("send", a, "hello ", 0)
	send("send", a, "world", 0)
	send("send nothing", a, "", 0)
	ioctlInt("waiting", b, 0x541b)
	receive("peek", b, 8, syscall.MSG_PEEK)
	receive("receive across messages", b, 8, 0)
	ioctlInt("waiting", b, 0x541b)
	receive("the rest", b, 100, 0)
	receive("nothing", b, 100, 0)
	addr := sockaddr("\x00nobody")
	one := []byte{'x'}
	raw("send to a name", syscall.SYS_SENDTO, uintptr(a), uintptr(unsafe.Pointer(&one[0])), 1, syscall.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&addr[0])), uintptr(len(addr)))
	u := unixSocket(syscall.SOCK_STREAM)
	raw("send to a name unconnected", syscall.SYS_SENDTO, uintptr(u), uintptr(unsafe.Pointer(&one[0])), 1, syscall.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&addr[0])), uintptr(len(addr)))
	raw("send from nowhere", syscall.SYS_SENDTO, uintptr(a), wild, 10, syscall.MSG_NOSIGNAL, 0, 0)
	send("send", a, "data", 0)
	raw("receive to nowhere", syscall.SYS_RECVFROM, uintptr(b), wild, 10, 0, 0, 0)
	receive("still there", b, 100, 0)

	// Looking further on.
	result("set SO_PEEK_OFF", syscall.SetsockoptInt(b, syscall.SOL_SOCKET, peekOff, 2))
	intOption("SO_PEEK_OFF", b, peekOff)
	send("send", a, "abcdef", 0)
	send("send", a, "ghijkl", 0)
	receive("peek", b, 3, syscall.MSG_PEEK)
	receive("peek", b, 3, syscall.MSG_PEEK)
	intOption("SO_PEEK_OFF", b, peekOff)
	receive("receive", b, 5, 0)
	intOption("SO_PEEK_OFF", b, peekOff)
	receive("peek", b, 100, syscall.MSG_PEEK)
	receive("peek", b, 100, syscall.MSG_PEEK)
	receive("receive", b, 100, 0)
	syscall.SetsockoptInt(b, syscall.SOL_SOCKET, peekOff, -1)

	// Filling it.
	total := 0
	for {
		n, err := syscall.Write(a, make([]byte, 10000))
		if err != nil {
			result("full", err)
			break
		}
		total += n
	}
	say("it held", "%v", total > 100_000 && total < 1_000_000)
	got := 0
	for got < total {
		n, err := syscall.Read(b, make([]byte, 7777))
		must(err)
		got += n
	}
	say("all came", "%v", got == total)
	receive("nothing is left", b, 1, 0)

	// A blocked writer.
	syscall.SetNonblock(a, false)
	done := make(chan int)
	go func() {
		n, _ := syscall.Write(a, make([]byte, 3_000_000))
		done <- n
	}()
	syscall.SetNonblock(b, false)
	for got = 0; got < 3_000_000; {
		n, err := syscall.Read(b, make([]byte, 100_000))
		must(err)
		got += n
	}
	say("blocked write", "%d of %d", got, <-done)
	go func() {
		time.Sleep(20 * time.Millisecond)
		syscall.Write(a, []byte("half"))
		time.Sleep(20 * time.Millisecond)
		syscall.Write(a, []byte("whole"))
	}()
	receive("wait for all", b, 9, syscall.MSG_WAITALL)
	tv := syscall.Timeval{Usec: 20_000}
	must(syscall.SetsockoptTimeval(b, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &tv))
	receive("time out", b, 9, 0)

	// Halves.
	send("send", a, "last words", 0)
	result("shut down writing", syscall.Shutdown(a, syscall.SHUT_WR))
	send("send after it", a, "x", 0)
	receive("receive what was sent", b, 100, 0)
	receive("the end", b, 100, 0)
	send("the other way", b, "still", 0)
	receive("comes", a, 100, 0)
	result("shut down reading", syscall.Shutdown(a, syscall.SHUT_RD))
	send("send to who does not read", b, "x", 0)
	receive("receive", a, 100, 0)
	syscall.Close(a)
	say("peer of the dead", "%s", nameOf(syscall.SYS_GETPEERNAME, b))
	syscall.Close(b)

	// A peer that goes.
	a, b = unixPair(syscall.SOCK_STREAM)
	send("send", a, "unread", 0)
	syscall.Close(b)
	intOption("error", a, syscall.SO_ERROR)
	intOption("error again", a, syscall.SO_ERROR)
	receive("receive", a, 10, 0)
	send("send", a, "x", 0)
	syscall.Close(a)
	a, b = unixPair(syscall.SOCK_STREAM)
	send("send", a, "unread", 0)
	send("send", b, "to be read", 0)
	syscall.Close(b)
	receive("what was sent comes first", a, 100, 0)
	receive("then the reset", a, 100, 0)
	receive("then the end", a, 100, 0)
	syscall.Close(a)
	a, b = unixPair(syscall.SOCK_STREAM)
	syscall.Close(b)
	intOption("error", a, syscall.SO_ERROR)
	send("send", a, "x", 0)
	receive("receive", a, 100, 0)
	syscall.Close(a)

	// Listeners.
	l, where := listenAt("listener", syscall.SOCK_STREAM|nonblock, 0)
	intOption("listening", l, syscall.SO_ACCEPTCONN)
	_, _, err := syscall.Accept(l)
	result("accept nothing", err)
	receive("receive from a listener", l, 10, 0)
	send("send to a listener", l, "x", 0)
	ioctlInt("waiting at a listener", l, 0x541b)
	c1 := unixSocket(syscall.SOCK_STREAM | nonblock)
	result("first", connectRaw(c1, where))
	c2 := unixSocket(syscall.SOCK_STREAM | nonblock)
	result("second", connectRaw(c2, where))
	send("send before accept", c1, "early", 0)
	s1, _, err := syscall.Accept4(l, nonblock)
	result("accept", err)
	receive("it comes", s1, 100, 0)
	result("second again", connectRaw(c2, where))
	c3 := unixSocket(syscall.SOCK_STREAM)
	waited := make(chan error)
	go func() { waited <- connectRaw(c3, where) }()
	time.Sleep(20 * time.Millisecond)
	s2, _, err := syscall.Accept(l)
	result("accept", err)
	result("who waited", <-waited)
	syscall.Close(s2)
	result("more backlog", syscall.Listen(l, 5))
	c4 := unixSocket(syscall.SOCK_STREAM | nonblock)
	result("fourth", connectRaw(c4, where))
	result("shut down the listener", syscall.Shutdown(l, syscall.SHUT_RD))
	c5 := unixSocket(syscall.SOCK_STREAM | nonblock)
	result("connect to it", connectRaw(c5, where))
	for i := 0; i < 3; i++ {
		_, _, err = syscall.Accept(l)
		result("accept from it", err)
	}
	syscall.Close(l)
	receive("never accepted", c4, 10, 0)
	must(os.Remove("listener"))
	l, where = listenAt("listener2", syscall.SOCK_STREAM, 5)
	result("connect", connectRaw(c5, where))
	send("send", c5, "x", 0)
	syscall.Close(l)
	receive("listener gone", c5, 10, 0)
	receive("listener gone", c5, 10, 0)
	send("send", c5, "x", 0)
	result("connect when closed", connectRaw(c5, where))
}

func unixDatagram() {
	a, b := unixPair(syscall.SOCK_DGRAM | nonblock)
	receive("receive nothing", a, 10, 0)
	send("send", a, "one", 0)
	send("send", a, "", 0)
	send("send", a, "three!", 0)
	ioctlInt("waiting", b, 0x541b)
	receive("peek", b, 100, syscall.MSG_PEEK)
	receive("receive", b, 100, 0)
	receive("an empty one", b, 100, 0)
	receive("cut", b, 3, syscall.MSG_TRUNC|syscall.MSG_PEEK)
	receive("cut", b, 3, 0)
	receive("nothing", b, 3, 0)
	send("too long", a, strings.Repeat("x", 300_000), 0)
	send("long", a, strings.Repeat("x", 150_000), 0)
	buf := make([]byte, 200_000)
	n, _, err := syscall.Recvfrom(b, buf, 0)
	say("long", "%d %v %s", n, bytes.Count(buf, []byte("x")) == 150_000, errno(err))
	n, _, flags, _, err := syscall.Recvmsg(b, buf, nil, 0)
	say("recvmsg", "%d %x %s", n, flags, errno(err))
	send("send", a, "abcdef", 0)
	n, _, flags, _, err = syscall.Recvmsg(b, buf[:3], nil, 0)
	say("recvmsg", "%d %x %s", n, flags&^syscall.MSG_CMSG_CLOEXEC, errno(err))

	// No end of a pair waits for the other's queue, only for its own buffer.
	count := 0
	for ; count < 10000; count++ {
		if _, err = syscall.Write(a, []byte("x")); err != nil {
			break
		}
	}
	say("a pair holds", "%v %s", count > 100, errno(err))
	syscall.Close(b)
	send("to the dead", a, "x", 0)
	send("to nobody", a, "x", 0)
	receive("receive", a, 10, 0)
	syscall.Close(a)

	// Names.
	r := unixSocket(syscall.SOCK_DGRAM | nonblock)
	must(bindRaw(r, sockaddr("receiver")))
	s := unixSocket(syscall.SOCK_DGRAM | nonblock)
	to := &syscall.SockaddrUnix{Name: "receiver"}
	result("sendto", syscall.Sendto(s, []byte("anonymous"), 0, to))
	n, from, err := syscall.Recvfrom(r, buf, 0)
	say("received", "%q from %#v %s", buf[:n], from, errno(err))
	must(bindRaw(s, sockaddr("\x00sender")))
	result("sendto", syscall.Sendto(s, []byte("named"), 0, to))
	n, from, err = syscall.Recvfrom(r, buf, 0)
	if u, ok := from.(*syscall.SockaddrUnix); ok {
		say("received", "%q from %q %s", buf[:n], u.Name, errno(err))
	} else {
		say("received", "from %v", from)
	}
	result("sendto nobody", syscall.Sendto(s, []byte("x"), 0, &syscall.SockaddrUnix{Name: "nobody"}))
	result("sendto itself", syscall.Sendto(s, []byte("self"), 0, &syscall.SockaddrUnix{Name: "@sender"}))
	receive("received", s, 10, 0)
	count = 0
	for ; count < 100; count++ {
		if err = syscall.Sendto(s, []byte("x"), 0, to); err != nil {
			break
		}
	}
	say("the queue holds", "%d %s", count, errno(err))
	receive("make room", r, 10, 0)
	result("then", syscall.Sendto(s, []byte("x"), 0, to))
	syscall.SetNonblock(s, false)
	done := make(chan error)
	go func() { done <- syscall.Sendto(s, []byte("waited"), 0, to) }()
	time.Sleep(20 * time.Millisecond)
	receive("make room", r, 10, 0)
	result("who waited", <-done)
	go func() { done <- syscall.Sendto(s, []byte("waits"), 0, to) }()
	time.Sleep(20 * time.Millisecond)
	syscall.Close(r)
	result("who waited for the dead", <-done)
	syscall.SetNonblock(s, true)
	must(os.Remove("receiver"))

	// Connected ones take messages from their peer only.
	r = unixSocket(syscall.SOCK_DGRAM | nonblock)
	must(bindRaw(r, sockaddr("receiver")))
	result("connect", connectRaw(s, sockaddr("receiver")))
	say("peer", "%s", nameOf(syscall.SYS_GETPEERNAME, s))
	send("send", s, "connected", 0)
	receive("received", r, 100, 0)
	result("connect back", connectRaw(r, sockaddr("\x00sender")))
	t := unixSocket(syscall.SOCK_DGRAM | nonblock)
	result("a third party", connectRaw(t, sockaddr("receiver")))
	result("a third party", syscall.Sendto(t, []byte("x"), 0, to))
	send("send", s, "before", 0)
	result("disconnect", connectRaw(r, []byte{0, 0}))
	receive("what was there", r, 10, 0)
	send("the other hears", s, "x", 0)
	send("then", s, "x", 0)
	result("disconnect again", connectRaw(r, []byte{0, 0}))
	result("shut down", syscall.Shutdown(r, syscall.SHUT_RD))
	send("send to who does not read", s, "x", 0)
	receive("receive", r, 10, 0)
	receive("receive", r, 10, 0)
	syscall.SetNonblock(r, false)
	receive("receive and wait", r, 10, 0)
	receive("receive and wait", r, 10, 0)
	result("shut down", syscall.Shutdown(s, syscall.SHUT_WR))
	send("send", s, "x", 0)
	result("listen", syscall.Listen(s, 1))
}

func unixSeqpacket() {
	l, where := listenAt("listener", syscall.SOCK_SEQPACKET|nonblock, 3)
	c := unixSocket(syscall.SOCK_SEQPACKET | nonblock)
	receive("receive unconnected", c, 10, 0)
	send("send unconnected", c, "x", 0)
	s := unixSocket(syscall.SOCK_STREAM)
	result("a stream to it", connectRaw(s, where))
	result("connect", connectRaw(c, where))
	a, _, err := syscall.Accept4(l, nonblock)
	result("accept", err)
	send("send", c, "one", 0)
	send("send", c, "two", 0)
	send("with an end", c, "three", syscall.MSG_EOR)
	ioctlInt("waiting", a, 0x541b)
	buf := make([]byte, 100)
	n, _, flags, _, err := syscall.Recvmsg(a, buf[:2], nil, 0)
	say("cut", "%q %x %s", buf[:n], flags&^syscall.MSG_CMSG_CLOEXEC, errno(err))
	receive("next", a, 100, 0)
	n, _, flags, _, err = syscall.Recvmsg(a, buf, nil, 0)
	say("with an end", "%q %x %s", buf[:n], flags&^syscall.MSG_CMSG_CLOEXEC, errno(err))
	receive("nothing", a, 10, 0)
	addr := sockaddr("\x00nobody")
	one := []byte{'x'}
	raw("send to a name", syscall.SYS_SENDTO, uintptr(c), uintptr(unsafe.Pointer(&one[0])), 1, syscall.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&addr[0])), uintptr(len(addr)))
	receive("came", a, 10, 0)
	result("shut down", syscall.Shutdown(c, syscall.SHUT_WR))
	receive("the end", a, 10, 0)
	send("after it", c, "x", 0)
	send("the other way", a, "y", 0)
	receive("came", c, 10, 0)
	send("unread", a, "z", 0)
	syscall.Close(c)
	send("to the dead", a, "x", 0)
	receive("the reset", a, 10, 0)
	receive("the end", a, 10, 0)
}
