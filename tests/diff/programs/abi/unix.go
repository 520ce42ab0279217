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
