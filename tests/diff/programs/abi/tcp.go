package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	areas["tcp"] = tcp
	areas["netedges"] = netEdges
	areas["rawsockets"] = rawSockets
}

const settle = 10 * time.Millisecond

// listener makes a listening socket on loopback and its address.
func listener(family, backlog int) (fd, addr, length uintptr) {
	fd = socket(family, 1, 0)
	addr, length = bound(fd, family)
	_, e := call(syscall.SYS_LISTEN, fd, uintptr(backlog))
	must(maybe(e))
	return
}

// connection makes both ends of one.
func connection(family int) (client, server uintptr) {
	l, a, n := listener(family, 10)
	client = socket(family, 1, 0)
	_, e := call(syscall.SYS_CONNECT, client, a, n)
	must(maybe(e))
	server, e = call(syscall.SYS_ACCEPT, l, 0, 0)
	must(maybe(e))
	syscall.Close(int(l))
	return
}

func sockError(fd uintptr) string {
	v, err := syscall.GetsockoptInt(int(fd), 1, syscall.SO_ERROR)
	if err != nil {
		return errno(err)
	}
	return errno(syscall.Errno(v))
}

// tcpState is the state in TCP_INFO.
func tcpState(fd uintptr) int {
	b, n := newBuffer(), new32()
	*n = 1
	call(syscall.SYS_GETSOCKOPT, fd, 6, 11, uintptr(unsafe.Pointer(b)), uintptr(unsafe.Pointer(n)))
	return int(b[0])
}

func status(what string, fd uintptr) {
	say(what, "poll %s, state %d", pollOf(fd), tcpState(fd))
}

func tcp() {
	pipes := make(chan os.Signal, 16)
	signal.Notify(pipes, syscall.SIGPIPE)
	for _, family := range []int{2, 10} {
		tcpConnect(family)
		tcpData(family)
		tcpClose(family, pipes)
	}
}

func tcpConnect(family int) {
	t := fmt.Sprintf("tcp %d ", family)
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	n := new32()
	np := uintptr(unsafe.Pointer(n))
	s := socket(family, 1, 0)
	status(t+"fresh", s)
	rawValue(t+"fresh read", syscall.SYS_READ, s, bp, 1)
	rawValue(t+"fresh recv of 0", syscall.SYS_RECVFROM, s, bp, 0, 0, 0, 0)
	rawValue(t+"fresh send", syscall.SYS_SENDTO, s, bp, 1, syscall.MSG_NOSIGNAL, 0, 0)
	rawValue(t+"fresh send of 0", syscall.SYS_SENDTO, s, bp, 0, syscall.MSG_NOSIGNAL, 0, 0)
	raw(t+"fresh shutdown", syscall.SYS_SHUTDOWN, s, 1)
	raw(t+"accept", syscall.SYS_ACCEPT, s, 0, 0)
	raw(t+"FIONREAD", syscall.SYS_IOCTL, s, 0x541b, np)
	raw(t+"SIOCOUTQ", syscall.SYS_IOCTL, s, 0x5411, np)
	syscall.Close(int(s))

	l, a, al := listener(family, 10)
	status(t+"listener", l)
	named(t+"listener name", syscall.SYS_GETSOCKNAME, l)
	named(t+"listener peer", syscall.SYS_GETPEERNAME, l)
	rawValue(t+"listener read", syscall.SYS_READ, l, bp, 1)
	rawValue(t+"listener send", syscall.SYS_SENDTO, l, bp, 1, syscall.MSG_NOSIGNAL, 0, 0)
	raw(t+"listener connects", syscall.SYS_CONNECT, l, a, al)
	raw(t+"listener binds", syscall.SYS_BIND, l, a, al)
	raw(t+"listens again", syscall.SYS_LISTEN, l, 5)
	raw(t+"listener FIONREAD", syscall.SYS_IOCTL, l, 0x541b, np)
	result(t+"nonblocking", syscall.SetNonblock(int(l), true))
	raw(t+"accept, nobody", syscall.SYS_ACCEPT, l, 0, 0)
	v, err := syscall.GetsockoptInt(int(l), 1, syscall.SO_ACCEPTCONN)
	say(t+"SO_ACCEPTCONN", "%d %s", v, errno(err))

	c := socket(family, 1|syscall.SOCK_NONBLOCK, 0)
	raw(t+"nonblocking connect", syscall.SYS_CONNECT, c, a, al)
	time.Sleep(settle)
	say(t+"its error", "%s", sockError(c))
	raw(t+"connect once more", syscall.SYS_CONNECT, c, a, al)
	raw(t+"and again", syscall.SYS_CONNECT, c, a, al)
	status(t+"connected", c)
	status(t+"listener", l)
	named(t+"name", syscall.SYS_GETSOCKNAME, c)
	named(t+"peer", syscall.SYS_GETPEERNAME, c)
	raw(t+"connected one listens", syscall.SYS_LISTEN, c, 5)
	raw(t+"connected one binds", syscall.SYS_BIND, c, a, al)
	*n = 128
	fd, e := call(syscall.SYS_ACCEPT4, l, bp, np, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	b[2], b[3] = 0, 0
	fl, _ := call(syscall.SYS_FCNTL, fd, syscall.F_GETFL)
	cl, _ := call(syscall.SYS_FCNTL, fd, syscall.F_GETFD)
	say(t+"accept4", "%s, name %d %x, flags %#x %d", errno(e), *n, b[:*n], fl, cl)
	status(t+"accepted", fd)
	say(t+"listener", "%s", pollOf(l))
	syscall.Close(int(fd))
	syscall.Close(int(c))

	// Arguments of accept that are wrong: the connection is gone then.
	for i, args := range [][2]uintptr{{wild, np}, {bp, wild}, {bp, np}} {
		c := socket(family, 1, 0)
		call(syscall.SYS_CONNECT, c, a, al)
		time.Sleep(settle)
		*n = ^uint32(0)
		if i == 0 {
			*n = 16
		}
		raw(t+"accept with wrong arguments", syscall.SYS_ACCEPT, l, args[0], args[1])
		raw(t+"then", syscall.SYS_ACCEPT, l, 0, 0)
		syscall.Close(int(c))
	}
	syscall.Close(int(l))

	// Nobody there.
	c = socket(family, 1, 0)
	raw(t+"refused", syscall.SYS_CONNECT, c, a, al)
	status(t+"refused", c)
	say(t+"its error", "%s", sockError(c))
	raw(t+"refused again", syscall.SYS_CONNECT, c, a, al)
	syscall.Close(int(c))
	c = socket(family, 1|syscall.SOCK_NONBLOCK, 0)
	raw(t+"nonblocking, refused", syscall.SYS_CONNECT, c, a, al)
	time.Sleep(settle)
	status(t+"refused", c)
	say(t+"its error", "%s", sockError(c))
	say(t+"its error again", "%s", sockError(c))
	status(t+"after the error", c)
	rawValue(t+"read", syscall.SYS_READ, c, bp, 1)
	syscall.Close(int(c))

	// Blocking accept and connect with a timeout.
	l, a, al = listener(family, 1)
	tv := syscall.Timeval{Usec: 20000}
	result(t+"SO_RCVTIMEO", syscall.SetsockoptTimeval(int(l), 1, syscall.SO_RCVTIMEO, &tv))
	raw(t+"accept times out", syscall.SYS_ACCEPT, l, 0, 0)
	syscall.Close(int(l))
	un := addr4(0, 0, 0, 0, 0)
	un.family = 0
	c, s2 := connection(family)
	raw(t+"connect to no family", syscall.SYS_CONNECT, c, un.ptr(), 16)
	status(t+"disconnected", c)
	time.Sleep(settle)
	status(t+"its peer", s2)
	rawValue(t+"peer reads", syscall.SYS_RECVFROM, s2, bp, 1, syscall.MSG_DONTWAIT, 0, 0)
	syscall.Close(int(c))
	syscall.Close(int(s2))
}

func tcpData(family int) {
	t := fmt.Sprintf("data %d ", family)
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	n := new32()
	np := uintptr(unsafe.Pointer(n))
	c, s := connection(family)
	copy(b[:], "hello world")
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 11)
	rawValue(t+"write nothing", syscall.SYS_WRITE, c, bp, 0)
	rawValue(t+"write wild", syscall.SYS_WRITE, c, wild, 10)
	rawValue(t+"send with a name", syscall.SYS_SENDTO, c, bp, 1, 0, bp, 16)
	time.Sleep(settle)
	raw(t+"FIONREAD", syscall.SYS_IOCTL, s, 0x541b, np)
	say(t+"FIONREAD", "%d", *n)
	status(t+"readable", s)
	recvMessage(t+"peek", s, newMessage("", 5).withRoom(128, 100), syscall.MSG_PEEK)
	recvMessage(t+"recv", s, newMessage("", 5).withRoom(128, 100), 0)
	recvMessage(t+"the rest, told to wait for all", s, newMessage("", 7).withRoom(128, 100), syscall.MSG_WAITALL)
	rawValue(t+"nothing more", syscall.SYS_RECVFROM, s, bp, 5, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 3)
	time.Sleep(settle)
	rawValue(t+"all, but not to wait", syscall.SYS_RECVFROM, s, bp, 10, syscall.MSG_WAITALL|syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 3)
	go func() {
		time.Sleep(3 * settle)
		syscall.Write(int(c), b[:4])
	}()
	rawValue(t+"all of 7 bytes", syscall.SYS_RECVFROM, s, bp, 7, syscall.MSG_WAITALL, 0, 0)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 3)
	time.Sleep(settle)
	go func() {
		time.Sleep(3 * settle)
		syscall.Write(int(c), b[3:7])
	}()
	recvMessage(t+"look at all of 7 bytes", s, newMessage("", 7).withRoom(0, 0), syscall.MSG_WAITALL|syscall.MSG_PEEK)
	rawValue(t+"and take them", syscall.SYS_RECVFROM, s, bp, 7, 0, 0, 0)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 6)
	time.Sleep(settle)
	rawValue(t+"recv to nowhere", syscall.SYS_RECVFROM, s, 0, 4, syscall.MSG_TRUNC|syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"recv wild", syscall.SYS_RECVFROM, s, wild, 4, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"recv after it", syscall.SYS_RECVFROM, s, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
	tv := syscall.Timeval{Usec: 20000}
	result(t+"SO_RCVTIMEO", syscall.SetsockoptTimeval(int(s), 1, syscall.SO_RCVTIMEO, &tv))
	rawValue(t+"read times out", syscall.SYS_READ, s, bp, 10)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 2)
	rawValue(t+"all, times out", syscall.SYS_RECVFROM, s, bp, 10, syscall.MSG_WAITALL, 0, 0)
	result(t+"SO_RCVLOWAT", syscall.SetsockoptInt(int(s), 1, syscall.SO_RCVLOWAT, 4))
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 2)
	time.Sleep(settle)
	status(t+"below the mark", s)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 2)
	time.Sleep(settle)
	status(t+"at the mark", s)
	rawValue(t+"read", syscall.SYS_READ, s, bp, 10)
	result(t+"SO_RCVLOWAT", syscall.SetsockoptInt(int(s), 1, syscall.SO_RCVLOWAT, 1))

	// Out of band.
	rawValue(t+"urgent", syscall.SYS_SENDTO, c, bp, 1, syscall.MSG_OOB, 0, 0)
	time.Sleep(settle)
	status(t+"urgent", s)
	rawValue(t+"recv urgent", syscall.SYS_RECVFROM, s, bp, 1, syscall.MSG_OOB|syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"recv urgent again", syscall.SYS_RECVFROM, s, bp, 1, syscall.MSG_OOB|syscall.MSG_DONTWAIT, 0, 0)

	// Vectors, and messages with control data.
	m := newMessage("vector", 6).withControl(cmsg(nil, 1, 99, intBytes(1)))
	rawValue(t+"unknown control message", syscall.SYS_SENDMSG, c, m.ptr(), 0)
	rawValue(t+"splice to nothing", syscall.SYS_SPLICE, c, 0, c, 0, 10, 0)

	// A full pipe of data.
	tv = syscall.Timeval{Sec: 5}
	result(t+"SO_RCVTIMEO", syscall.SetsockoptTimeval(int(s), 1, syscall.SO_RCVTIMEO, &tv))
	syscall.SetNonblock(int(c), true)
	sent := 0
	for {
		k, e := call(syscall.SYS_WRITE, c, bp, 65536)
		if e != 0 {
			say(t+"full", "%s", errno(e))
			break
		}
		sent += int(k)
	}
	time.Sleep(settle)
	for { // what the peer has taken meanwhile makes room
		k, e := call(syscall.SYS_WRITE, c, bp, 65536)
		if e != 0 {
			break
		}
		sent += int(k)
		time.Sleep(settle)
	}
	say(t+"full", "poll %s, some %v", pollOf(c), sent > 100000)
	got := 0
	for got < sent {
		k, e := call(syscall.SYS_RECVFROM, s, bp, 65536, 0, 0, 0)
		if e != 0 || k == 0 {
			break
		}
		got += int(k)
	}
	time.Sleep(settle)
	say(t+"emptied", "all %v, poll %s", got == sent, pollOf(c))
	syscall.Close(int(c))
	syscall.Close(int(s))
}

func tcpClose(family int, pipes chan os.Signal) {
	t := fmt.Sprintf("close %d ", family)
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	signals := func(what string) {
		time.Sleep(300 * time.Millisecond) // the runtime hands them on in its own time
		k := 0
		for len(pipes) > 0 {
			<-pipes
			k++
		}
		say(what, "%d signals", k)
	}
	c, s := connection(family)
	raw(t+"shutdown 1", syscall.SYS_SHUTDOWN, c, 1)
	time.Sleep(settle)
	status(t+"half closed", c)
	status(t+"its peer", s)
	rawValue(t+"write after it", syscall.SYS_WRITE, c, bp, 1)
	signals(t + "after that")
	rawValue(t+"send without a signal", syscall.SYS_SENDTO, c, bp, 1, syscall.MSG_NOSIGNAL, 0, 0)
	signals(t + "after that")
	rawValue(t+"peer reads", syscall.SYS_READ, s, bp, 1)
	rawValue(t+"peer reads again", syscall.SYS_READ, s, bp, 1)
	rawValue(t+"peer writes", syscall.SYS_WRITE, s, bp, 5)
	time.Sleep(settle)
	status(t+"half closed, with data", c)
	rawValue(t+"reads", syscall.SYS_READ, c, bp, 10)
	raw(t+"shutdown once more", syscall.SYS_SHUTDOWN, c, 1)
	raw(t+"peer shutdown 1", syscall.SYS_SHUTDOWN, s, 1)
	time.Sleep(settle)
	status(t+"closed both", c)
	status(t+"closed both, peer", s)
	rawValue(t+"read", syscall.SYS_READ, c, bp, 10)
	raw(t+"shutdown after all", syscall.SYS_SHUTDOWN, c, 2)
	raw(t+"shutdown after all", syscall.SYS_SHUTDOWN, s, 2)
	named(t+"peer name", syscall.SYS_GETPEERNAME, c)
	syscall.Close(int(c))
	syscall.Close(int(s))

	c, s = connection(family)
	raw(t+"shutdown 0", syscall.SYS_SHUTDOWN, c, 0)
	status(t+"not to read", c)
	rawValue(t+"read after it", syscall.SYS_READ, c, bp, 1)
	rawValue(t+"peer writes", syscall.SYS_WRITE, s, bp, 3)
	time.Sleep(settle)
	status(t+"with data", c)
	rawValue(t+"read", syscall.SYS_RECVFROM, c, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
	raw(t+"shutdown 2", syscall.SYS_SHUTDOWN, c, 2)
	time.Sleep(settle)
	status(t+"all shut", c)
	status(t+"its peer", s)
	syscall.Close(int(c))
	syscall.Close(int(s))

	// Closed with data unread, and with SO_LINGER 0: a reset.
	c, s = connection(family)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 5)
	time.Sleep(settle)
	syscall.Close(int(s))
	time.Sleep(settle)
	status(t+"reset", c)
	rawValue(t+"read", syscall.SYS_READ, c, bp, 5)
	rawValue(t+"read again", syscall.SYS_READ, c, bp, 5)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 5)
	signals(t + "after that")
	status(t+"later", c)
	named(t+"peer name", syscall.SYS_GETPEERNAME, c)
	raw(t+"shutdown", syscall.SYS_SHUTDOWN, c, 2)
	syscall.Close(int(c))

	c, s = connection(family)
	result(t+"LINGER 0", syscall.SetsockoptLinger(int(s), 1, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}))
	syscall.Close(int(s))
	time.Sleep(settle)
	status(t+"reset", c)
	say(t+"error", "%s", sockError(c))
	status(t+"after it", c)
	rawValue(t+"read", syscall.SYS_READ, c, bp, 5)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 5)
	signals(t + "after that")
	syscall.Close(int(c))

	// The peer is gone; the first write finds out.
	c, s = connection(family)
	syscall.Close(int(s))
	time.Sleep(settle)
	status(t+"peer closed", c)
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 5)
	time.Sleep(settle)
	status(t+"after a write", c)
	rawValue(t+"write again", syscall.SYS_WRITE, c, bp, 5)
	signals(t + "after that")
	rawValue(t+"read", syscall.SYS_READ, c, bp, 5)
	syscall.Close(int(c))

	c, s = connection(family)
	result(t+"LINGER 1", syscall.SetsockoptLinger(int(c), 1, syscall.SO_LINGER, &syscall.Linger{Onoff: 1, Linger: 1}))
	rawValue(t+"write", syscall.SYS_WRITE, c, bp, 5)
	start := time.Now()
	syscall.Close(int(c))
	say(t+"lingering close", "soon %v", time.Since(start) < 900*time.Millisecond)
	rawValue(t+"peer reads", syscall.SYS_READ, s, bp, 50)
	rawValue(t+"peer reads", syscall.SYS_READ, s, bp, 50)
	syscall.Close(int(s))

	// A listener that closes with connections that nobody took.
	l, a, al := listener(family, 10)
	c = socket(family, 1, 0)
	raw(t+"connect", syscall.SYS_CONNECT, c, a, al)
	syscall.Close(int(l))
	time.Sleep(settle)
	status(t+"not accepted", c)
	rawValue(t+"read", syscall.SYS_RECVFROM, c, bp, 5, syscall.MSG_DONTWAIT, 0, 0)
	syscall.Close(int(c))
	l, _, _ = listener(family, 10)
	raw(t+"shutdown of a listener", syscall.SYS_SHUTDOWN, l, 0)
	status(t+"then", l)
	raw(t+"accept", syscall.SYS_ACCEPT, l, 0, 0)
	raw(t+"listen", syscall.SYS_LISTEN, l, 5)
	syscall.Close(int(l))
}

// edgeWatch is an edge-triggered epoll instance on one descriptor.
type edgeWatch struct{ ep int }

func watch(fd uintptr) edgeWatch {
	ep, err := syscall.EpollCreate1(0)
	must(err)
	const et = 1 << 31
	must(syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, int(fd), &syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLOUT |
		syscall.EPOLLRDHUP | syscall.EPOLLPRI | et}))
	return edgeWatch{ep}
}

func (w edgeWatch) show(what string) {
	time.Sleep(settle)
	var ev [4]syscall.EpollEvent
	n, err := syscall.EpollWait(w.ep, ev[:], 0)
	if n == 1 {
		say(what, "%#x", ev[0].Events)
	} else {
		say(what, "%d events, %s", n, errno(err))
	}
}

func netEdges() {
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	for _, family := range []int{2, 10} {
		t := fmt.Sprintf("edges %d ", family)
		l, a, al := listener(family, 10)
		w := watch(l)
		w.show(t + "listener")
		c := socket(family, 1|syscall.SOCK_NONBLOCK, 0)
		wc := watch(c)
		wc.show(t + "fresh")
		call(syscall.SYS_CONNECT, c, a, al)
		wc.show(t + "connected")
		wc.show(t + "once")
		w.show(t + "somebody")
		w.show(t + "once")
		c2 := socket(family, 1, 0)
		call(syscall.SYS_CONNECT, c2, a, al)
		w.show(t + "somebody else, the first not taken")
		s, _ := call(syscall.SYS_ACCEPT, l, 0, 0)
		w.show(t + "after accept")
		ws := watch(s)
		ws.show(t + "accepted")
		rawValue(t+"write", syscall.SYS_WRITE, c, bp, 3)
		ws.show(t + "data")
		ws.show(t + "once")
		rawValue(t+"write", syscall.SYS_WRITE, c, bp, 3)
		ws.show(t + "more data, the first unread")
		rawValue(t+"read some", syscall.SYS_READ, s, bp, 2)
		ws.show(t + "after reading some")
		rawValue(t+"read all", syscall.SYS_READ, s, bp, 20)
		ws.show(t + "after reading all")
		raw(t+"shutdown 1", syscall.SYS_SHUTDOWN, c, 1)
		wc.show(t + "own shutdown")
		ws.show(t + "peer's shutdown")
		ws.show(t + "once")
		syscall.Close(int(s))
		wc.show(t + "peer closed")
		wc.show(t + "once")
		syscall.Close(int(c))
		syscall.Close(int(c2))
		w.show(t + "listener, at the end")
		syscall.Close(int(l))

		c, s = connection(family)
		wc = watch(c)
		wc.show(t + "connection")
		syscall.SetNonblock(int(c), true)
		for {
			if _, e := call(syscall.SYS_WRITE, c, bp, 65536); e != 0 {
				break
			}
		}
		for i := 0; i < 20; i++ { // what was taken meanwhile
			time.Sleep(settle)
			if _, e := call(syscall.SYS_WRITE, c, bp, 65536); e != 0 {
				break
			}
		}
		var ev [4]syscall.EpollEvent
		syscall.EpollWait(wc.ep, ev[:], 0)
		wc.show(t + "full")
		syscall.SetNonblock(int(s), true)
		for {
			time.Sleep(settle / 10)
			if _, e := call(syscall.SYS_RECVFROM, s, bp, 65536, 0, 0, 0); e != 0 {
				break
			}
		}
		wc.show(t + "emptied")
		result(t+"LINGER 0", syscall.SetsockoptLinger(int(s), 1, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}))
		syscall.Close(int(s))
		wc.show(t + "reset")
		syscall.Close(int(c))
		free, a, al := listener(family, 1)
		syscall.Close(int(free))
		c = socket(family, 1|syscall.SOCK_NONBLOCK, 0)
		wc = watch(c)
		wc.show(t + "fresh")
		call(syscall.SYS_CONNECT, c, a, al)
		wc.show(t + "refused")
		wc.show(t + "once")
		syscall.Close(int(c))

		// Datagrams.
		r, d := socket(family, 2, 0), socket(family, 2, 0)
		ra, rl := loopback(family, 0)
		call(syscall.SYS_BIND, r, ra, rl)
		ra, rl = loopback(family, portOf(r))
		wr := watch(r)
		wr.show(t + "datagrams")
		call(syscall.SYS_CONNECT, d, ra, rl)
		rawValue(t+"write", syscall.SYS_WRITE, d, bp, 3)
		wr.show(t + "one")
		wr.show(t + "once")
		rawValue(t+"write", syscall.SYS_WRITE, d, bp, 3)
		wr.show(t + "another, the first unread")
		rawValue(t+"recv", syscall.SYS_RECVFROM, r, bp, 30, 0, 0, 0)
		wr.show(t + "after one")
		wd := watch(d)
		wd.show(t + "the sender")
		syscall.Close(int(r))
		rawValue(t+"write", syscall.SYS_WRITE, d, bp, 3)
		wd.show(t + "refused")
		rawValue(t+"recv", syscall.SYS_RECVFROM, d, bp, 30, syscall.MSG_DONTWAIT, 0, 0)
		wd.show(t + "after it")
		raw(t+"shutdown", syscall.SYS_SHUTDOWN, d, 2)
		wd.show(t + "after shutdown")
		syscall.Close(int(d))
	}
}

// rawSockets pings loopback by hand.
func rawSockets() {
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	s, err := syscall.Socket(2, 3, 1)
	if err != nil {
		return // not allowed here
	}
	fd := uintptr(s)
	echo := func(kind byte, id byte) []byte {
		p := []byte{kind, 0, 0, 0, 0, id, 0, 1, 'p', 'i', 'n', 'g'}
		sum := uint32(0)
		for i := 0; i < len(p); i += 2 {
			sum += uint32(p[i])<<8 | uint32(p[i+1])
		}
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		p[2], p[3] = byte(^sum>>8), byte(^sum)
		return p
	}
	tv := syscall.Timeval{Usec: 200000}
	syscall.SetsockoptTimeval(s, 1, syscall.SO_RCVTIMEO, &tv)
	copy(b[:], intBytes(^int32(1|1<<8))) // no errors that others cause meanwhile
	raw("ICMP_FILTER", syscall.SYS_SETSOCKOPT, fd, 255, 1, bp, 4)
	lo := addr4(127, 0, 0, 1, 0)
	named("raw name", syscall.SYS_GETSOCKNAME, fd)
	rawValue("raw send unconnected", syscall.SYS_SENDTO, fd, bp, 8, 0, 0, 0)
	copy(b[:], echo(8, 77))
	rawValue("echo request", syscall.SYS_SENDTO, fd, bp, 12, 0, lo.ptr(), 16)
	for i := 0; i < 2; i++ {
		n, e := call(syscall.SYS_RECVFROM, fd, bp, 100, 0, 0, 0)
		b[4], b[5], b[10], b[11] = 0, 0, 0, 0 // identification and checksum
		k := 0
		if e == 0 {
			k = int(n)
		}
		say("raw recv", "%s %x", errno(e), b[:k])
	}
	raw("ICMP_FILTER short", syscall.SYS_SETSOCKOPT, fd, 255, 1, bp, 2)
	copy(b[:], intBytes(^int32(1)))
	raw("ICMP_FILTER", syscall.SYS_SETSOCKOPT, fd, 255, 1, bp, 4)
	copy(b[:], echo(8, 78))
	rawValue("echo request", syscall.SYS_SENDTO, fd, bp, 12, 0, lo.ptr(), 16)
	n, e := call(syscall.SYS_RECVFROM, fd, bp, 100, 0, 0, 0)
	say("filtered", "%s, %d bytes, type %d", errno(e), n, b[20])
	rawValue("nothing more", syscall.SYS_RECVFROM, fd, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	raw("connect", syscall.SYS_CONNECT, fd, lo.ptr(), 16)
	named("its peer", syscall.SYS_GETPEERNAME, fd)
	copy(b[:], echo(8, 79))
	rawValue("write", syscall.SYS_WRITE, fd, bp, 12)
	n, e = call(syscall.SYS_RECVFROM, fd, bp, 100, 0, 0, 0)
	say("reply", "%s, %d bytes", errno(e), n)
	raw("bind to nobody", syscall.SYS_BIND, fd, addr4(8, 8, 8, 8, 0).ptr(), 16)
	syscall.Close(s)

	// Headers of one's own.
	h, err := syscall.Socket(2, 3, 255)
	must(err)
	r, err := syscall.Socket(2, 3, 200)
	must(err)
	syscall.SetsockoptTimeval(r, 1, syscall.SO_RCVTIMEO, &tv)
	header := []byte{0x45, 0, 0, 0, 0, 9, 0, 0, 33, 200, 0, 0, 127, 0, 0, 2, 127, 0, 0, 1, 'd', 'a', 't', 'a'}
	copy(b[:], header)
	rawValue("own header", syscall.SYS_SENDTO, uintptr(h), bp, 24, 0, lo.ptr(), 16)
	m := newMessage("", 100).withRoom(128, 0)
	recvMessage("arrives", uintptr(r), m, 0)
	say("from", "%x", m.name[:16])
	rawValue("own header, too short", syscall.SYS_SENDTO, uintptr(h), bp, 10, 0, lo.ptr(), 16)
	rawValue("protocol 200", syscall.SYS_SENDTO, uintptr(r), bp, 4, 0, lo.ptr(), 16)
	n, e = call(syscall.SYS_RECVFROM, uintptr(r), bp, 100, 0, 0, 0)
	say("arrives", "%s, %d bytes", errno(e), n)
	rawValue("too large", syscall.SYS_SENDTO, uintptr(r), bp, 65536, 0, lo.ptr(), 16)
	syscall.Close(h)
	syscall.Close(r)

	six, err := syscall.Socket(10, 3, 58)
	must(err)
	syscall.SetsockoptTimeval(six, 1, syscall.SO_RCVTIMEO, &tv)
	copy(b[:], make([]byte, 64))
	for i := 0; i < 32; i++ {
		b[i] = 0xff
	}
	b[16] &^= 2 // 129: echo reply only
	raw("ICMPV6_FILTER", syscall.SYS_SETSOCKOPT, uintptr(six), 58, 1, bp, 32)
	copy(b[:], []byte{128, 0, 0, 0, 0, 9, 0, 1, 'p', 'i', 'n', 'g', '6'})
	rawValue("echo request", syscall.SYS_SENDTO, uintptr(six), bp, 13, 0, addr6(1, 0).ptr(), 28)
	m = newMessage("", 100).withRoom(128, 0)
	recvMessage("echo reply", uintptr(six), m, 0)
	say("from", "%x", m.name[:28])
	rawValue("nothing more", syscall.SYS_RECVFROM, uintptr(six), bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	rawValue("another protocol in the port", syscall.SYS_SENDTO, uintptr(six), bp, 13, 0, addr6(1, 17).ptr(), 28)
	rawValue("a port beyond", syscall.SYS_SENDTO, uintptr(six), bp, 13, 0, addr6(1, 256).ptr(), 28)
	syscall.Close(six)

	// A checksum that the kernel puts in.
	x, err := syscall.Socket(10, 3, 200)
	must(err)
	syscall.SetsockoptTimeval(x, 1, syscall.SO_RCVTIMEO, &tv)
	result("IPV6_CHECKSUM 3", syscall.SetsockoptInt(x, 41, 7, 3))
	result("IPV6_CHECKSUM 2", syscall.SetsockoptInt(x, 41, 7, 2))
	copy(b[:], "ab\x00\x00cdefgh")
	rawValue("with a checksum", syscall.SYS_SENDTO, uintptr(x), bp, 10, 0, addr6(1, 0).ptr(), 28)
	recvMessage("arrives", uintptr(x), newMessage("", 100).withRoom(128, 0), 0)
	rawValue("too short for it", syscall.SYS_SENDTO, uintptr(x), bp, 3, 0, addr6(1, 0).ptr(), 28)
	syscall.Close(x)
}
