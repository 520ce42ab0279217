package main

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	areas["unixnames"] = inTemporary(unixNames)
	areas["unixstream"] = inTemporary(unixStream)
	areas["unixdatagram"] = inTemporary(unixDatagram)
	areas["unixseqpacket"] = inTemporary(unixSeqpacket)
	areas["unixrights"] = inTemporary(unixRights)
	areas["unixcredentials"] = inTemporary(unixCredentials)
	areas["unixpoll"] = inTemporary(unixPoll)
}

const nonblock = syscall.SOCK_NONBLOCK

func unixSocket(kind int) int {
	fd, err := syscall.Socket(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
	must(err)
	return fd
}

func unixPair(kind int) (int, int) {
	p, err := syscall.Socketpair(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
	must(err)
	return p[0], p[1]
}

// sockaddr is the raw address: a family and as many bytes of name as given.
func sockaddr(name string) []byte {
	return append([]byte{syscall.AF_UNIX, 0}, name...)
}

func bindRaw(fd int, addr []byte) error {
	_, e := call(syscall.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&addr[0])), uintptr(len(addr)))
	return maybe(e)
}

func connectRaw(fd int, addr []byte) error {
	_, e := call(syscall.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&addr[0])), uintptr(len(addr)))
	return maybe(e)
}

func maybe(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// nameOf is what getsockname or getpeername answer, the length as it is.
func nameOf(number uintptr, fd int) string {
	b := make([]byte, 130)
	n := uint32(len(b))
	_, e := call(number, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&n)))
	if e != 0 {
		return errno(e)
	}
	return fmt.Sprintf("%d %q", n, bytes.TrimRight(b[:min(int(n), len(b))], "\x00"))
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// auto hides the digits of a name that the kernel chose.
func auto(s string) string {
	i := strings.Index(s, `\x00\x00`)
	if i < 0 {
		return s
	}
	return s[:i+8] + "....."
}

func exists(path string) string {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return errno(err)
	}
	return fmt.Sprintf("%o", st.Mode)
}

func unixNames() {
	for _, kind := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM, syscall.SOCK_SEQPACKET, syscall.SOCK_RAW, syscall.SOCK_RDM, 9} {
		fd, err := syscall.Socket(syscall.AF_UNIX, kind, 0)
		result(fmt.Sprint("socket of type ", kind), err)
		if err == nil {
			syscall.Close(fd)
		}
	}
	for _, proto := range []int{1, 2, -1} {
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, proto)
		result(fmt.Sprint("socket of protocol ", proto), err)
		if err == nil {
			syscall.Close(fd)
		}
	}
	a := unixSocket(syscall.SOCK_STREAM)
	say("unnamed", "%s", nameOf(syscall.SYS_GETSOCKNAME, a))
	say("peer of a lonely one", "%s", nameOf(syscall.SYS_GETPEERNAME, a))
	result("bind to nothing", bindRaw(a, []byte{1}))
	result("bind to another family", bindRaw(a, []byte{2, 0, 'x'}))
	result("bind to an endless name", bindRaw(a, sockaddr(strings.Repeat("x", 109))))
	result("bind in no directory", bindRaw(a, sockaddr("no/where")))
	must(os.WriteFile("plain", nil, 0o644))
	result("bind below a file", bindRaw(a, sockaddr("plain/x")))
	result("bind to a file", bindRaw(a, sockaddr("plain")))
	result("bind with a slash", bindRaw(a, sockaddr("new/")))
	result("bind to .", bindRaw(a, sockaddr(".")))
	result("bind", bindRaw(a, sockaddr("first\x00garbage")))
	say("name", "%s", nameOf(syscall.SYS_GETSOCKNAME, a))
	say("file", "%s", exists("first"))
	result("bind again", bindRaw(a, sockaddr("second")))
	say("file", "%s", exists("second"))
	result("bind again to what exists", bindRaw(a, sockaddr("first")))
	result("bind again to an abstract name", bindRaw(a, sockaddr("\x00abstract")))
	result("bind again to any name", bindRaw(a, sockaddr("")))
	b := unixSocket(syscall.SOCK_STREAM)
	result("bind to a socket", bindRaw(b, sockaddr("first")))
	_, err := syscall.Open("first", syscall.O_RDWR, 0)
	result("open a socket", err)
	fd, err := syscall.Open("first", 0x200000, 0) // O_PATH
	result("open it as a place", err)
	syscall.Close(fd)
	result("connect to one that does not listen", connectRaw(b, sockaddr("first")))
	result("connect to a file", connectRaw(b, sockaddr("plain")))
	result("connect to nothing", connectRaw(b, sockaddr("nothing")))
	result("connect to a directory", connectRaw(b, sockaddr(".")))
	result("connect to no abstract name", connectRaw(b, sockaddr("\x00nobody")))
	result("connect with no name", connectRaw(b, sockaddr("")))
	result("connect with one byte", connectRaw(b, []byte{1}))
	result("connect to another family", connectRaw(b, []byte{0, 0, 0, 0}))
	result("listen without a name", syscall.Listen(b, 1))
	result("listen", syscall.Listen(a, 1))
	d := unixSocket(syscall.SOCK_DGRAM)
	result("connect with another type", connectRaw(d, sockaddr("first")))
	result("connect", connectRaw(b, sockaddr("first")))
	say("peer", "%s", nameOf(syscall.SYS_GETPEERNAME, b))
	say("own", "%s", nameOf(syscall.SYS_GETSOCKNAME, b))
	c, from, err := syscall.Accept(a)
	result("accept", err)
	say("from", "%#v", from)
	say("accepted peer", "%s", nameOf(syscall.SYS_GETPEERNAME, c))
	say("accepted own", "%s", nameOf(syscall.SYS_GETSOCKNAME, c))
	result("connect again", connectRaw(b, sockaddr("first")))
	result("connect the listener", connectRaw(a, sockaddr("first")))
	result("bind a connected one", bindRaw(b, sockaddr("late")))
	say("own", "%s", nameOf(syscall.SYS_GETSOCKNAME, b))
	say("accepted peer", "%s", nameOf(syscall.SYS_GETPEERNAME, c))

	// The file is not the socket.
	must(os.Rename("first", "moved"))
	e := unixSocket(syscall.SOCK_STREAM | nonblock)
	result("connect to the old name", connectRaw(e, sockaddr("first")))
	result("connect to the new name", connectRaw(e, sockaddr("moved")))
	say("peer", "%s", nameOf(syscall.SYS_GETPEERNAME, e))
	must(os.Link("moved", "linked"))
	e2 := unixSocket(syscall.SOCK_STREAM | nonblock)
	result("connect to a link", connectRaw(e2, sockaddr("linked")))
	must(os.Symlink("linked", "symlink"))
	e3 := unixSocket(syscall.SOCK_STREAM | nonblock)
	result("connect beyond the backlog", connectRaw(e3, sockaddr("symlink")))
	must(os.Remove("moved"))
	must(os.Remove("linked"))
	result("connect to a dangling link", connectRaw(e3, sockaddr("symlink")))
	f := unixSocket(syscall.SOCK_STREAM)
	result("bind where it was", bindRaw(f, sockaddr("moved")))
	syscall.Close(a)
	say("closed", "%s", exists("moved"))
	syscall.Close(f)
	say("closed", "%s", exists("moved"))
	result("connect to what is closed", connectRaw(e3, sockaddr("moved")))

	// A path that fills the array.
	long := strings.Repeat("l", 108)
	g := unixSocket(syscall.SOCK_DGRAM)
	result("bind to a long name", bindRaw(g, sockaddr(long)))
	say("its name", "%s", nameOf(syscall.SYS_GETSOCKNAME, g))
	say("its file", "%s", exists(long))
	syscall.Umask(0o077)
	h := unixSocket(syscall.SOCK_DGRAM)
	result("bind with a mask", bindRaw(h, sockaddr("masked")))
	say("its file", "%s", exists("masked"))
	syscall.Umask(0o022)

	// Abstract names.
	x := unixSocket(syscall.SOCK_STREAM)
	name := "\x00abi\x00test"
	result("bind to an abstract name", bindRaw(x, sockaddr(name)))
	say("name", "%s", nameOf(syscall.SYS_GETSOCKNAME, x))
	y := unixSocket(syscall.SOCK_STREAM)
	result("the same again", bindRaw(y, sockaddr(name)))
	result("a longer one", bindRaw(y, sockaddr(name+"\x00")))
	z := unixSocket(syscall.SOCK_DGRAM)
	result("the same for datagrams", bindRaw(z, sockaddr(name)))
	syscall.Close(x)
	w := unixSocket(syscall.SOCK_STREAM)
	result("the same once it is free", bindRaw(w, sockaddr(name)))
	v := unixSocket(syscall.SOCK_STREAM)
	result("bind to any name", bindRaw(v, sockaddr("")))
	say("name", "%s", auto(nameOf(syscall.SYS_GETSOCKNAME, v)))
	result("bind to any name again", bindRaw(v, sockaddr("")))
	result("listen", syscall.Listen(v, 0))
	result("listen on datagrams", syscall.Listen(z, 0))
	_, _, err = syscall.Accept(z)
	result("accept on datagrams", err)
	_, _, err = syscall.Accept(w)
	result("accept without listen", err)
	result("mode of a socket", syscall.Fchmod(w, 0o600))
	var st syscall.Stat_t
	must(syscall.Fstat(w, &st))
	say("type", "%o", st.Mode&syscall.S_IFMT)

	// For a user who may not write the file.
	syscall.Setfsuid(4242)
	must2 := unixSocket(syscall.SOCK_DGRAM)
	result("connect without permission", connectRaw(must2, sockaddr("masked")))
	syscall.Setfsuid(0)
	result("connect with permission", connectRaw(must2, sockaddr("masked")))
	for _, name := range []string{long, "masked", "moved"} {
		say("remove", "%s", errno(syscall.Unlink(name)))
	}
	result("send to what has no file", func() error { _, err := syscall.Write(must2, []byte("x")); return err }())
}

// listenAt gives a listener with a name and the address to reach it.
func listenAt(name string, kind, backlog int) (int, []byte) {
	l := unixSocket(kind)
	must(bindRaw(l, sockaddr(name)))
	must(syscall.Listen(l, backlog))
	return l, sockaddr(name)
}

func intOption(what string, fd, option int) {
	v, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, option)
	say(what, "%d %s", v, errno(err))
}

func ioctlInt(what string, fd int, cmd uintptr) {
	var v int32
	_, e := call(syscall.SYS_IOCTL, uintptr(fd), cmd, uintptr(unsafe.Pointer(&v)))
	say(what, "%d %s", v, errno(e))
}

// ioErr is a count with an error.
func ioErr(what string, n int, err error) { say(what, "%d %s", n, errno(err)) }

func receive(what string, fd, size, flags int) {
	b := make([]byte, size)
	n, e := call(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(size), uintptr(flags), 0, 0)
	if e != 0 {
		say(what, "%s", errno(e))
		return
	}
	say(what, "%d %q", int(n), b[:min(int(n), size)])
}

func send(what string, fd int, data string, flags int) {
	b := append([]byte(data), 0)
	n, e := call(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(data)), uintptr(flags|syscall.MSG_NOSIGNAL), 0, 0)
	if e != 0 {
		say(what, "%s", errno(e))
		return
	}
	say(what, "%d", int(n))
}

const peekOff = 42 // SO_PEEK_OFF

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

// passing is a control message with descriptors.
func passing(fds ...int) []byte { return syscall.UnixRights(fds...) }

func unixRights() {
	for _, kind := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM, syscall.SOCK_SEQPACKET} {
		fmt.Println("type", kind)
		a, b := unixPair(kind | nonblock)
		must(os.WriteFile("passed", []byte("the content"), 0o644))
		f, err := syscall.Open("passed", syscall.O_RDONLY, 0)
		must(err)
		buf, oob := make([]byte, 100), make([]byte, 1000)
		take := func(what string, size, room, flags int) []int {
			n, on, fl, _, err := syscall.Recvmsg(b, buf[:size], oob[:room], flags)
			if err != nil {
				result(what, err)
				return nil
			}
			var fds []int
			kinds := ""
			msgs, perr := syscall.ParseSocketControlMessage(oob[:on])
			for _, m := range msgs {
				kinds += fmt.Sprintf(" %d/%d", m.Header.Level, m.Header.Type)
				got, _ := syscall.ParseUnixRights(&m)
				fds = append(fds, got...)
			}
			// Go's wrapper asks for close-on-exec by itself.
			say(what, "%q, %d descriptors,%s flags %x %v", buf[:n], len(fds), kinds, fl&^syscall.MSG_CMSG_CLOEXEC, perr)
			return fds
		}
		result("send", syscall.Sendmsg(a, []byte("with"), passing(f), nil, 0))
		syscall.Close(f)
		for _, fd := range take("receive", 100, 1000, 0) {
			n, err := syscall.Read(fd, buf)
			say("through it", "%q %s", buf[:n], errno(err))
			v, _ := call(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
			say("close on exec", "%d", v)
			syscall.Close(fd)
		}
		f, _ = syscall.Open("passed", syscall.O_RDONLY, 0)
		result("send two", syscall.Sendmsg(a, []byte("two"), passing(f, f), nil, 0))
		for _, fd := range take("room for one", 100, 20, 0) {
			syscall.Close(fd)
		}
		result("send", syscall.Sendmsg(a, []byte("one"), passing(f), nil, 0))
		take("no room", 100, 0, 0)
		result("send", syscall.Sendmsg(a, []byte("peek"), passing(f), nil, 0))
		for i := 0; i < 2; i++ {
			for _, fd := range take("peek", 100, 100, syscall.MSG_PEEK) {
				syscall.Close(fd)
			}
		}
		for _, fd := range take("receive", 100, 100, 0) {
			syscall.Close(fd)
		}
		result("send a bad one", syscall.Sendmsg(a, []byte("x"), passing(f, 9999), nil, 0))
		result("send too many", syscall.Sendmsg(a, []byte("x"), passing(make([]int, 254)...), nil, 0))
		result("send none", syscall.Sendmsg(a, []byte("n"), passing(), nil, 0))
		take("receive none", 100, 100, 0)
		short := passing(f)
		short[0] = 200
		result("a length too long", syscall.Sendmsg(a, []byte("x"), short, nil, 0))
		short[0] = 3
		result("a length too short", syscall.Sendmsg(a, []byte("x"), short, nil, 0))
		odd := passing(f)
		odd[12] = 99
		result("an unknown type", syscall.Sendmsg(a, []byte("x"), odd, nil, 0))
		odd[8] = 99
		result("an unknown level", syscall.Sendmsg(a, []byte("u"), odd, nil, 0))
		take("receive", 100, 100, 0)
		// A stream does not go beyond a message with descriptors.
		for _, m := range []string{"a", "b"} {
			must(syscall.Sendmsg(a, []byte(m), nil, nil, 0))
		}
		must(syscall.Sendmsg(a, []byte("cc"), passing(f), nil, 0))
		must(syscall.Sendmsg(a, []byte("dd"), passing(f), nil, 0))
		for i := 0; i < 5; i++ {
			for _, fd := range take("in order", 3, 100, 0) {
				syscall.Close(fd)
			}
		}
		// read(2) loses them.
		result("send", syscall.Sendmsg(a, []byte("lost"), passing(f), nil, 0))
		n, err := syscall.Read(b, buf)
		say("read", "%q %s", buf[:n], errno(err))
		syscall.Close(f)

		// A pipe lives as long as it is under way, and no longer.
		pr, pw := pipe(syscall.O_NONBLOCK)
		must(syscall.Sendmsg(a, []byte("pipe"), passing(pw), nil, 0))
		syscall.Close(pw)
		_, err = syscall.Read(pr, buf)
		result("the pipe has a writer", err)
		syscall.Close(a)
		syscall.Close(b)
		n, err = syscall.Read(pr, buf)
		ioErr("it has none", n, err)
		syscall.Close(pr)
	}

	// Sockets that hold each other.
	pr, pw := pipe(syscall.O_NONBLOCK)
	for i := 0; i < 100; i++ {
		a, b := unixPair(syscall.SOCK_STREAM)
		c, d := unixPair(syscall.SOCK_DGRAM)
		must(syscall.Sendmsg(a, []byte("x"), passing(b, c), nil, 0))
		must(syscall.Sendmsg(c, []byte("x"), passing(a, d, pw), nil, 0))
		must(syscall.Sendmsg(d, []byte("x"), passing(b), nil, 0))
		for _, fd := range []int{a, b, c, d} {
			syscall.Close(fd)
		}
	}
	syscall.Close(pw)
	buf := make([]byte, 10)
	var n int
	var err error
	for i := 0; i < 100; i++ { // Linux collects in the background
		a, b := unixPair(syscall.SOCK_STREAM)
		syscall.Close(a)
		syscall.Close(b)
		if n, err = syscall.Read(pr, buf); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	ioErr("cycles are collected", n, err)
	// One that is in use is not.
	a, b := unixPair(syscall.SOCK_STREAM)
	c, d := unixPair(syscall.SOCK_STREAM)
	must(syscall.Sendmsg(a, []byte("x"), passing(c), nil, 0))
	must(syscall.Sendmsg(c, []byte("inner"), nil, nil, 0))
	must(syscall.Sendmsg(d, []byte("to c"), passing(a), nil, 0))
	syscall.Close(c)
	syscall.Close(a)
	e, f := unixPair(syscall.SOCK_STREAM)
	syscall.Close(e)
	syscall.Close(f)
	receive("in use", d, 10, 0)
	oob := make([]byte, 100)
	n, on, _, _, err := syscall.Recvmsg(b, buf, oob, 0)
	say("in use", "%q %d %s", buf[:n], on, errno(err))
	msgs, _ := syscall.ParseSocketControlMessage(oob[:on])
	fds, _ := syscall.ParseUnixRights(&msgs[0])
	receive("out of the circle", fds[0], 10, 0)
}

func unixCredentials() {
	cred := func(pid int32, uid, gid uint32) []byte {
		return syscall.UnixCredentials(&syscall.Ucred{Pid: pid, Uid: uid, Gid: gid})
	}
	self := int32(os.Getpid())
	for _, kind := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM, syscall.SOCK_SEQPACKET} {
		fmt.Println("type", kind)
		a, b := unixPair(kind | nonblock)
		buf, oob := make([]byte, 100), make([]byte, 200)
		take := func(what string) {
			n, on, fl, _, err := syscall.Recvmsg(b, buf, oob, 0)
			if err != nil {
				result(what, err)
				return
			}
			msgs, _ := syscall.ParseSocketControlMessage(oob[:on])
			who := "nobody"
			if len(msgs) == 1 {
				if c, err := syscall.ParseUnixCredentials(&msgs[0]); err == nil {
					who = fmt.Sprint(c.Pid == self, c.Pid == 0, c.Uid, c.Gid)
				}
			}
			say(what, "%q %s %x", buf[:n], who, fl&^syscall.MSG_CMSG_CLOEXEC)
		}
		u, err := syscall.GetsockoptUcred(a, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		must(err)
		say("SO_PEERCRED of a pair", "%v %d %d", u.Pid == self, u.Uid, u.Gid)
		send("send", a, "before", 0)
		result("SO_PASSCRED", syscall.SetsockoptInt(b, syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1))
		intOption("SO_PASSCRED", b, syscall.SO_PASSCRED)
		send("send", a, "after", 0)
		take("receive")
		take("receive")
		result("send", syscall.Sendmsg(a, []byte("explicit"), cred(self, 0, 0), nil, 0))
		result("send another's uid", syscall.Sendmsg(a, []byte("uid"), cred(self, 7, 0), nil, 0))
		result("send another's gid", syscall.Sendmsg(a, []byte("gid"), cred(self, 0, 8), nil, 0))
		result("send no uid", syscall.Sendmsg(a, []byte("x"), cred(self, 0xffffffff, 0), nil, 0))
		result("send a pid that is not", syscall.Sendmsg(a, []byte("x"), cred(0x3ffffff, 0, 0), nil, 0))
		short := cred(self, 0, 0)
		short[0]--
		result("send too little", syscall.Sendmsg(a, []byte("x"), short, nil, 0))
		take("receive")
		take("receive")
		take("receive")
		take("receive")
		result("no SO_PASSCRED", syscall.SetsockoptInt(b, syscall.SOL_SOCKET, syscall.SO_PASSCRED, 0))
		result("send", syscall.Sendmsg(a, []byte("explicit"), cred(self, 0, 0), nil, 0))
		take("receive")
		raw("no room for the answer", syscall.SYS_GETSOCKOPT, uintptr(a), syscall.SOL_SOCKET, syscall.SO_PEERCRED, uintptr(unsafe.Pointer(&buf[0])), wild)
		raw("set SO_PEERCRED", syscall.SYS_SETSOCKOPT, uintptr(a), syscall.SOL_SOCKET, syscall.SO_PEERCRED, uintptr(unsafe.Pointer(&buf[0])), 12)
		raw("another level", syscall.SYS_SETSOCKOPT, uintptr(a), 6, 1, uintptr(unsafe.Pointer(&buf[0])), 4)
		n := uint32(4)
		raw("another level", syscall.SYS_GETSOCKOPT, uintptr(a), 6, 1, uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&n)))
		syscall.Close(a)
		syscall.Close(b)
	}
	s := unixSocket(syscall.SOCK_STREAM)
	u, err := syscall.GetsockoptUcred(s, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	say("SO_PEERCRED of nobody", "%+v %s", *u, errno(err))
	l, where := listenAt("l", syscall.SOCK_STREAM, 1)
	must(syscall.SetsockoptInt(s, syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1))
	must(connectRaw(s, where))
	say("named for it", "%s", auto(nameOf(syscall.SYS_GETSOCKNAME, s)))
	u, err = syscall.GetsockoptUcred(s, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	say("SO_PEERCRED of a client", "%v %d %d %s", u.Pid == self, u.Uid, u.Gid, errno(err))
	u, err = syscall.GetsockoptUcred(l, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	say("SO_PEERCRED of a listener", "%v %d %d %s", u.Pid == self, u.Uid, u.Gid, errno(err))
	d := unixSocket(syscall.SOCK_DGRAM)
	must(bindRaw(d, sockaddr("d")))
	d2 := unixSocket(syscall.SOCK_DGRAM)
	must(connectRaw(d2, sockaddr("d")))
	u, err = syscall.GetsockoptUcred(d2, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	say("SO_PEERCRED of datagrams", "%+v %s", *u, errno(err))
}

// ready is what poll(2) says of fd at once.
func ready(what string, fd int) {
	type pollfd struct {
		fd      int32
		events  int16
		revents int16
	}
	p := pollfd{int32(fd), 0x2fff, 0}
	_, e := call(syscall.SYS_POLL, uintptr(unsafe.Pointer(&p)), 1, 0)
	names := []string{}
	for bit, name := range map[int16]string{1: "IN", 4: "OUT", 8: "ERR", 16: "HUP", 64: "RDNORM", 256: "WRNORM", 512: "WRBAND", 0x2000: "RDHUP", 2: "PRI", 128: "RDBAND"} {
		if p.revents&bit != 0 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	say(what, "%s %s", strings.Join(names, " "), errno(e))
}

func unixPoll() {
	s := unixSocket(syscall.SOCK_STREAM)
	ready("fresh stream", s)
	ready("fresh datagram", unixSocket(syscall.SOCK_DGRAM))
	ready("fresh seqpacket", unixSocket(syscall.SOCK_SEQPACKET))
	l, where := listenAt("l", syscall.SOCK_STREAM, 5)
	ready("listener", l)
	must(connectRaw(s, where))
	ready("listener with one", l)
	ready("connected", s)
	syscall.Close(l)
	ready("never accepted", s)
	for _, kind := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM, syscall.SOCK_SEQPACKET} {
		fmt.Println("type", kind)
		a, b := unixPair(kind | nonblock)
		ready("pair", a)
		send("send", a, "x", 0)
		ready("with data", b)
		for {
			if _, err := syscall.Write(a, make([]byte, 5000)); err != nil {
				break
			}
		}
		ready("full", a)
		for {
			if _, err := syscall.Read(b, make([]byte, 5000)); err != nil {
				break
			}
		}
		ready("drained", a)
		must(syscall.Shutdown(a, syscall.SHUT_WR))
		ready("after SHUT_WR", a)
		ready("its peer", b)
		must(syscall.Shutdown(a, syscall.SHUT_RD))
		ready("after SHUT_RD", a)
		ready("its peer", b)
		syscall.Close(a)
		ready("after the close", b)
		syscall.Close(b)
		a, b = unixPair(kind)
		send("send", a, "unread", 0)
		syscall.Close(b)
		ready("closed unread", a)
		syscall.Close(a)
	}
	// Writable as far as the receiver goes.
	r := unixSocket(syscall.SOCK_DGRAM | nonblock)
	must(bindRaw(r, sockaddr("r")))
	t := unixSocket(syscall.SOCK_DGRAM | nonblock)
	must(connectRaw(t, sockaddr("r")))
	for i := 0; i < 11; i++ {
		send("send", t, "x", 0)
	}
	ready("the receiver is full", t)
	ep, err := syscall.EpollCreate1(0)
	must(err)
	wait := func(what string, timeout int) {
		ev := make([]syscall.EpollEvent, 4)
		n, err := syscall.EpollWait(ep, ev, timeout)
		bits := uint32(0)
		if n > 0 {
			bits = ev[0].Events
		}
		say(what, "%d %#x %s", n, bits, errno(err))
	}
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | 1<<31, Fd: int32(t)}
	must(syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, t, &ev))
	wait("edge while full", 0)
	go func() {
		time.Sleep(20 * time.Millisecond)
		syscall.Read(r, make([]byte, 10))
	}()
	wait("edge when there is room", 1000)
	must(syscall.EpollCtl(ep, syscall.EPOLL_CTL_DEL, t, nil))

	a, b := unixPair(syscall.SOCK_STREAM | nonblock)
	ev.Fd = int32(b)
	must(syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, b, &ev))
	wait("edge at first", 0)
	wait("edge gone", 0)
	send("send", a, "x", 0)
	wait("edge for data", 100)
	send("send", a, "y", 0)
	wait("edge for more data", 100)
	wait("edge gone", 0)
	for {
		if _, err := syscall.Write(b, make([]byte, 5000)); err != nil {
			break
		}
	}
	go func() {
		time.Sleep(20 * time.Millisecond)
		for {
			if _, err := syscall.Read(a, make([]byte, 5000)); err != nil {
				break
			}
		}
	}()
	wait("edge for room", 1000)
	time.Sleep(40 * time.Millisecond)
	for n := 1; n > 0; { // room may come in several steps
		n, _ = syscall.EpollWait(ep, make([]syscall.EpollEvent, 4), 0)
	}
	must(syscall.Shutdown(a, syscall.SHUT_WR))
	wait("edge for the end", 100)
	syscall.Close(a)
	wait("edge for the close", 100)
}
