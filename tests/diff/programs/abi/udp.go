package main

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

func udp() {
	for _, family := range []int{2, 10} {
		udpFamily(family)
	}
	udpDual()
	udpErrors()
	udpSegments()
	udpMany()
	udpMulticast()
	udpControl()
}

func loopback(family, port int) (uintptr, uintptr) {
	if family == 2 {
		return ptrOf(addr4(127, 0, 0, 1, port)), 16
	}
	return ptrOf(addr6(1, port)), 28
}

// bound binds a socket to the loopback address; the name that it has then.
func bound(fd uintptr, family int) (addr, length uintptr) {
	a, l := loopback(family, 0)
	_, e := call(syscall.SYS_BIND, fd, a, l)
	must(maybe(e))
	return loopback(family, portOf(fd))
}

// udpPair makes a socket, and one whose datagrams it gets.
func udpPair(family int) (receiver, sender uintptr) {
	receiver, sender = socket(family, 2, 0), socket(family, 2, 0)
	a, l := bound(receiver, family)
	_, e := call(syscall.SYS_CONNECT, sender, a, l)
	must(maybe(e))
	return
}

func udpFamily(family int) {
	t := fmt.Sprintf("family %d ", family)
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	a, b2 := socket(family, 2, 0), socket(family, 2, 0)
	say(t+"fresh poll", "%s", pollOf(a))
	rawValue(t+"send unconnected", syscall.SYS_SENDTO, a, bp, 1, 0, 0, 0)
	rawValue(t+"write unconnected", syscall.SYS_WRITE, a, bp, 1)
	rawValue(t+"recv, nothing", syscall.SYS_RECVFROM, a, bp, 1, syscall.MSG_DONTWAIT, 0, 0)
	la, ll := loopback(family, 0)
	raw(t+"bind", syscall.SYS_BIND, a, la, ll)
	raw(t+"bind again", syscall.SYS_BIND, a, la, ll)
	named(t+"name", syscall.SYS_GETSOCKNAME, a)
	named(t+"peer", syscall.SYS_GETPEERNAME, a)
	p := portOf(a)
	la, ll = loopback(family, p)
	zero, zl := loopback(family, 0)
	rawValue(t+"send to port 0", syscall.SYS_SENDTO, b2, bp, 1, 0, zero, zl)
	rawValue(t+"send, name of length 0", syscall.SYS_SENDTO, b2, bp, 1, 0, la, 0)
	rawValue(t+"send, name of length 8", syscall.SYS_SENDTO, b2, bp, 1, 0, la, 8)
	rawValue(t+"send, name of length -1", syscall.SYS_SENDTO, b2, bp, 1, 0, la, at(-1))
	rawValue(t+"send, wild name", syscall.SYS_SENDTO, b2, bp, 1, 0, wild, ll)
	rawValue(t+"send, wild bytes", syscall.SYS_SENDTO, b2, wild, 1, 0, la, ll)
	rawValue(t+"send out of band", syscall.SYS_SENDTO, b2, bp, 1, syscall.MSG_OOB, la, ll)
	rawValue(t+"send 65536", syscall.SYS_SENDTO, b2, bp, 65536, 0, la, ll)
	rawValue(t+"send 65508", syscall.SYS_SENDTO, b2, bp, 65508, 0, la, ll)
	if family == 2 {
		rawValue(t+"send 65507", syscall.SYS_SENDTO, b2, bp, 65507, 0, la, ll)
		rawValue(t+"recv it", syscall.SYS_RECVFROM, a, bp, 69000, 0, 0, 0)
	}
	copy(b[:], "hello")
	rawValue(t+"send 5", syscall.SYS_SENDTO, b2, bp, 5, 0, la, ll)
	say(t+"poll", "%s", pollOf(a))
	n := new32()
	call(syscall.SYS_IOCTL, a, 0x541b, uintptr(unsafe.Pointer(n)))
	say(t+"FIONREAD", "%d", *n)
	raw(t+"SIOCOUTQ", syscall.SYS_IOCTL, a, 0x5411, uintptr(unsafe.Pointer(n)))
	say(t+"SIOCOUTQ", "%d", *n)
	raw(t+"TCGETS", syscall.SYS_IOCTL, a, 0x5401, bp+100)
	raw(t+"unknown ioctl", syscall.SYS_IOCTL, a, 0x12345, bp+100)
	recvMessage(t+"peek 3", a, newMessage("", 3).withRoom(128, 0), syscall.MSG_PEEK)
	recvMessage(t+"peek 3, all of its length", a, newMessage("", 3).withRoom(128, 0), syscall.MSG_PEEK|syscall.MSG_TRUNC)
	recvMessage(t+"name of 4 bytes", a, newMessage("", 100).withRoom(4, 0), syscall.MSG_PEEK)
	recvMessage(t+"recv 3", a, newMessage("", 3).withRoom(128, 0), 0)
	say(t+"poll", "%s", pollOf(a))
	recvMessage(t+"recv nothing", a, newMessage("", 3).withRoom(128, 0), syscall.MSG_DONTWAIT)

	rawValue(t+"send empty", syscall.SYS_SENDTO, b2, 0, 0, 0, la, ll)
	say(t+"poll", "%s", pollOf(a))
	rawValue(t+"read 0 bytes", syscall.SYS_READ, a, bp, 0)
	rawValue(t+"recv empty", syscall.SYS_RECVFROM, a, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"recv nothing", syscall.SYS_RECVFROM, a, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"send", syscall.SYS_SENDTO, b2, bp, 5, 0, la, ll)
	rawValue(t+"recv wild", syscall.SYS_RECVFROM, a, wild, 10, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"recv after wild", syscall.SYS_RECVFROM, a, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"send", syscall.SYS_SENDTO, b2, bp, 5, 0, la, ll)
	rawValue(t+"recv into 0 bytes", syscall.SYS_RECVFROM, a, bp, 0, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"recv after that", syscall.SYS_RECVFROM, a, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"send", syscall.SYS_SENDTO, b2, bp, 5, 0, la, ll)
	rawValue(t+"recv, name wild", syscall.SYS_RECVFROM, a, bp, 10, syscall.MSG_DONTWAIT, wild, uintptr(unsafe.Pointer(n)))
	*n = ^uint32(0)
	rawValue(t+"send", syscall.SYS_SENDTO, b2, bp, 5, 0, la, ll)
	rawValue(t+"recv, name length -1", syscall.SYS_RECVFROM, a, bp, 10, syscall.MSG_DONTWAIT, bp+100, uintptr(unsafe.Pointer(n)))

	// Connected.
	raw(t+"connect", syscall.SYS_CONNECT, b2, la, ll)
	named(t+"connected name", syscall.SYS_GETSOCKNAME, b2)
	named(t+"connected peer", syscall.SYS_GETPEERNAME, b2)
	rawValue(t+"write", syscall.SYS_WRITE, b2, bp, 5)
	rawValue(t+"write nothing", syscall.SYS_WRITE, b2, bp, 0)
	rawValue(t+"send nothing", syscall.SYS_SENDTO, b2, bp, 0, 0, 0, 0)
	rawValue(t+"send elsewhere, connected", syscall.SYS_SENDTO, b2, bp, 4, 0, la, ll)
	rawValue(t+"read", syscall.SYS_READ, a, bp, 100)
	rawValue(t+"read", syscall.SYS_RECVFROM, a, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"read", syscall.SYS_RECVFROM, a, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	c := socket(family, 2, 0)
	bl, bll := loopback(family, portOf(b2))
	rawValue(t+"send to a connected one", syscall.SYS_SENDTO, c, bp, 4, 0, bl, bll)
	rawValue(t+"which does not get it", syscall.SYS_RECVFROM, b2, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"send from its peer", syscall.SYS_SENDTO, a, bp, 4, 0, bl, bll)
	rawValue(t+"which it gets", syscall.SYS_RECVFROM, b2, bp, 100, 0, 0, 0)
	un := addr4(0, 0, 0, 0, 0)
	un.family = 0
	raw(t+"disconnect", syscall.SYS_CONNECT, b2, un.ptr(), 16)
	named(t+"disconnected name", syscall.SYS_GETSOCKNAME, b2)
	named(t+"disconnected peer", syscall.SYS_GETPEERNAME, b2)
	raw(t+"disconnect a bound one", syscall.SYS_CONNECT, a, un.ptr(), 2)
	named(t+"its name", syscall.SYS_GETSOCKNAME, a)

	// Shut down.
	raw(t+"shutdown, unconnected", syscall.SYS_SHUTDOWN, c, 1)
	rawValue(t+"send after it", syscall.SYS_SENDTO, c, bp, 1, 0, la, ll)
	say(t+"poll", "%s", pollOf(c))
	raw(t+"connect", syscall.SYS_CONNECT, b2, la, ll)
	raw(t+"shutdown for writing", syscall.SYS_SHUTDOWN, b2, 1)
	rawValue(t+"write after it", syscall.SYS_WRITE, b2, bp, 5)
	say(t+"poll", "%s", pollOf(b2))
	raw(t+"shutdown for reading", syscall.SYS_SHUTDOWN, b2, 0)
	say(t+"poll", "%s", pollOf(b2))
	rawValue(t+"read after it", syscall.SYS_READ, b2, bp, 5)
	rawValue(t+"recv after it", syscall.SYS_RECVFROM, b2, bp, 5, syscall.MSG_DONTWAIT, 0, 0)

	// Corked and more.
	d := socket(family, 2, 0)
	raw(t+"connect", syscall.SYS_CONNECT, d, la, ll)
	rawValue(t+"more", syscall.SYS_SENDTO, d, bp, 3, msgMore, 0, 0)
	rawValue(t+"nothing yet", syscall.SYS_RECVFROM, a, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	rawValue(t+"no more", syscall.SYS_SENDTO, d, bp, 2, 0, 0, 0)
	rawValue(t+"both", syscall.SYS_RECVFROM, a, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	result(t+"cork", syscall.SetsockoptInt(int(d), solUDP, 1, 1))
	rawValue(t+"write", syscall.SYS_WRITE, d, bp, 3)
	rawValue(t+"write", syscall.SYS_WRITE, d, bp, 4)
	rawValue(t+"nothing yet", syscall.SYS_RECVFROM, a, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	result(t+"uncork", syscall.SetsockoptInt(int(d), solUDP, 1, 0))
	rawValue(t+"both", syscall.SYS_RECVFROM, a, bp, 100, syscall.MSG_DONTWAIT, 0, 0)

	// A timeout.
	tv := syscall.Timeval{Usec: 20000}
	result(t+"SO_RCVTIMEO", syscall.SetsockoptTimeval(int(a), 1, syscall.SO_RCVTIMEO, &tv))
	start := time.Now()
	rawValue(t+"read with a timeout", syscall.SYS_READ, a, bp, 5)
	took := time.Since(start)
	say(t+"which took", "long enough %v, not too long %v", took >= 19*time.Millisecond, took < 2*time.Second)

	// Many more than the buffer holds.
	e := socket(family, 2, 0)
	el, ell := loopback(family, 0)
	raw(t+"bind", syscall.SYS_BIND, e, el, ell)
	el, ell = loopback(family, portOf(e))
	result(t+"SO_RCVBUF", syscall.SetsockoptInt(int(e), 1, syscall.SO_RCVBUF, 4096))
	for i := 0; i < 1000; i++ {
		call(syscall.SYS_SENDTO, d, bp, 1000, 0, el, ell)
	}
	got := 0
	for {
		_, err := call(syscall.SYS_RECVFROM, e, bp, 2000, syscall.MSG_DONTWAIT, 0, 0)
		if err != 0 {
			break
		}
		got++
	}
	say(t+"a small buffer", "took some %v, not all %v", got > 0, got < 20)
	for _, s := range []uintptr{a, b2, c, d, e} {
		syscall.Close(int(s))
	}
}

func udpDual() {
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	six, four := socket(10, 2, 0), socket(2, 2, 0)
	any := addr6(0, 0)
	raw("dual bind", syscall.SYS_BIND, six, any.ptr(), 28)
	lo := addr4(127, 0, 0, 1, portOf(six))
	rawValue("four to six", syscall.SYS_SENDTO, four, bp, 3, 0, lo.ptr(), 16)
	m := newMessage("", 100).withRoom(128, 0)
	recvMessage("six from four", six, m, 0)
	m.name[2], m.name[3] = 0, 0
	say("its name", "%x", m.name[:28])
	back := mapped4(127, 0, 0, 1, portOf(four))
	rawValue("six to four", syscall.SYS_SENDTO, six, bp, 4, 0, back.ptr(), 28)
	rawValue("six to four by its own name", syscall.SYS_SENDTO, six, bp, 4, 0, addr4(127, 0, 0, 1, portOf(four)).ptr(), 16)
	rawValue("four from six", syscall.SYS_RECVFROM, four, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	raw("six connects to four", syscall.SYS_CONNECT, six, back.ptr(), 28)
	named("then its name", syscall.SYS_GETSOCKNAME, six)
	named("then its peer", syscall.SYS_GETPEERNAME, six)
	result("V6ONLY now", syscall.SetsockoptInt(int(six), 41, syscall.IPV6_V6ONLY, 1))
	only := socket(10, 2, 0)
	result("V6ONLY", syscall.SetsockoptInt(int(only), 41, syscall.IPV6_V6ONLY, 1))
	rawValue("only six to four", syscall.SYS_SENDTO, only, bp, 4, 0, back.ptr(), 28)
	raw("only six connects to four", syscall.SYS_CONNECT, only, back.ptr(), 28)
	raw("only six connects to a name of four", syscall.SYS_CONNECT, only, addr4(127, 0, 0, 1, 5).ptr(), 16)
	raw("only six binds to four", syscall.SYS_BIND, only, mapped4(127, 0, 0, 1, 0).ptr(), 28)
	any4 := socket(2, 2, 0)
	raw("connect to 0.0.0.0", syscall.SYS_CONNECT, any4, addr4(0, 0, 0, 0, 9).ptr(), 16)
	named("then its peer", syscall.SYS_GETPEERNAME, any4)
	any6 := socket(10, 2, 0)
	raw("connect to ::", syscall.SYS_CONNECT, any6, addr6(0, 9).ptr(), 28)
	named("then its peer", syscall.SYS_GETPEERNAME, any6)
	rawValue("send to a broadcast", syscall.SYS_SENDTO, four, bp, 1, 0, addr4(127, 255, 255, 255, 9).ptr(), 16)
	for _, s := range []uintptr{six, four, only, any4, any6} {
		syscall.Close(int(s))
	}
}

func udpErrors() {
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	for _, family := range []int{2, 10} {
		t := fmt.Sprintf("errors %d ", family)
		level, recverr := 0, 11
		if family == 10 {
			level, recverr = 41, 25
		}
		free := socket(family, 2, 0)
		la, ll := bound(free, family)
		syscall.Close(int(free)) // nobody there now
		s := socket(family, 2, 0)
		rawValue(t+"send", syscall.SYS_SENDTO, s, bp, 3, 0, la, ll)
		time.Sleep(5 * time.Millisecond)
		say(t+"poll unconnected", "%s", pollOf(s))
		rawValue(t+"unconnected hears nothing", syscall.SYS_RECVFROM, s, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
		raw(t+"connect", syscall.SYS_CONNECT, s, la, ll)
		rawValue(t+"send", syscall.SYS_WRITE, s, bp, 3)
		time.Sleep(5 * time.Millisecond)
		say(t+"poll", "%s", pollOf(s))
		rawValue(t+"recv", syscall.SYS_RECVFROM, s, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
		rawValue(t+"recv again", syscall.SYS_RECVFROM, s, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
		rawValue(t+"send", syscall.SYS_WRITE, s, bp, 3)
		time.Sleep(5 * time.Millisecond)
		rawValue(t+"send hears it", syscall.SYS_WRITE, s, bp, 3)
		time.Sleep(5 * time.Millisecond)
		v, err := syscall.GetsockoptInt(int(s), 1, syscall.SO_ERROR)
		say(t+"SO_ERROR", "%d %s", v, errno(err))
		v, err = syscall.GetsockoptInt(int(s), 1, syscall.SO_ERROR)
		say(t+"SO_ERROR again", "%d %s", v, errno(err))
		recvMessage(t+"error queue, off", s, newMessage("", 100).withRoom(128, 512), msgErrqueue)
		result(t+"RECVERR", syscall.SetsockoptInt(int(s), level, recverr, 1))
		copy(b[:], "payload")
		rawValue(t+"send", syscall.SYS_WRITE, s, bp, 7)
		time.Sleep(5 * time.Millisecond)
		say(t+"poll", "%s", pollOf(s))
		recvMessage(t+"error queue", s, newMessage("", 100).withRoom(128, 512), msgErrqueue)
		say(t+"poll", "%s", pollOf(s))
		recvMessage(t+"error queue empty", s, newMessage("", 100).withRoom(128, 512), msgErrqueue)
		rawValue(t+"recv", syscall.SYS_RECVFROM, s, bp, 10, syscall.MSG_DONTWAIT, 0, 0)
		u := socket(family, 2, 0)
		syscall.SetsockoptInt(int(u), level, recverr, 1)
		rawValue(t+"unconnected, send", syscall.SYS_SENDTO, u, bp, 7, 0, la, ll)
		time.Sleep(5 * time.Millisecond)
		say(t+"poll", "%s", pollOf(u))
		recvMessage(t+"recv", u, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
		recvMessage(t+"error queue, 3 bytes", u, newMessage("", 3).withRoom(128, 20), msgErrqueue)
		syscall.Close(int(s))
		syscall.Close(int(u))
	}
}

func udpSegments() {
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	for _, family := range []int{2, 10} {
		t := fmt.Sprintf("segments %d ", family)
		a, s := udpPair(family)
		result(t+"UDP_SEGMENT -1", syscall.SetsockoptInt(int(s), solUDP, udpSegment, -1))
		result(t+"UDP_SEGMENT 65536", syscall.SetsockoptInt(int(s), solUDP, udpSegment, 65536))
		result(t+"UDP_SEGMENT 1000", syscall.SetsockoptInt(int(s), solUDP, udpSegment, 1000))
		rawValue(t+"send 3500", syscall.SYS_WRITE, s, bp, 3500)
		for i := 0; i < 5; i++ {
			rawValue(t+"recv", syscall.SYS_RECVFROM, a, bp, 70000, syscall.MSG_DONTWAIT, 0, 0)
		}
		rawValue(t+"send 1000", syscall.SYS_WRITE, s, bp, 1000)
		rawValue(t+"recv", syscall.SYS_RECVFROM, a, bp, 70000, syscall.MSG_DONTWAIT, 0, 0)
		result(t+"UDP_SEGMENT 10", syscall.SetsockoptInt(int(s), solUDP, udpSegment, 10))
		rawValue(t+"send too many segments", syscall.SYS_WRITE, s, bp, 10000)
		result(t+"UDP_SEGMENT 0", syscall.SetsockoptInt(int(s), solUDP, udpSegment, 0))
		c := cmsg(nil, solUDP, udpSegment, []byte{4, 0})
		rawValue(t+"send with a control message", syscall.SYS_SENDMSG, s, newMessage("0123456789", 10).withControl(c).ptr(), 0)
		for i := 0; i < 4; i++ {
			rawValue(t+"recv", syscall.SYS_RECVFROM, a, bp, 70000, syscall.MSG_DONTWAIT, 0, 0)
		}
		result(t+"UDP_GRO", syscall.SetsockoptInt(int(a), solUDP, udpGRO, 1))
		v, err := syscall.GetsockoptInt(int(a), solUDP, udpGRO)
		say(t+"UDP_GRO", "%d %s", v, errno(err))
		rawValue(t+"send with a control message", syscall.SYS_SENDMSG, s, newMessage("0123456789", 10).withControl(c).ptr(), 0)
		recvMessage(t+"all of it", a, newMessage("", 100).withRoom(0, 100), syscall.MSG_DONTWAIT)
		rawValue(t+"nothing more", syscall.SYS_RECVFROM, a, bp, 70000, syscall.MSG_DONTWAIT, 0, 0)
		syscall.Close(int(a))
		syscall.Close(int(s))
	}
}

func udpMany() {
	a, s := udpPair(2)
	v := new([4]mmsghdr)
	for i := range v {
		v[i].hdr = newMessage("message", i+1).hdr
	}
	rawValue("sendmmsg", 307, s, uintptr(unsafe.Pointer(v)), 4, 0)
	say("sendmmsg", "lengths %d %d %d %d", v[0].len, v[1].len, v[2].len, v[3].len)
	rawValue("sendmmsg of none", 307, s, uintptr(unsafe.Pointer(v)), 0, 0)
	rawValue("sendmmsg wild", 307, s, wild, 1, 0)
	v[2].hdr.iov = wild
	rawValue("sendmmsg, the third is wild", 307, s, uintptr(unsafe.Pointer(v)), 4, 0)
	r := new([8]mmsghdr)
	keptAddrs = append(keptAddrs, v, r)
	for i := range r {
		r[i].hdr = newMessage("", 100).hdr
	}
	rawValue("recvmmsg", 299, a, uintptr(unsafe.Pointer(r)), 8, syscall.MSG_DONTWAIT, 0)
	for i := range r {
		say("recvmmsg", "%d: %d flags %#x", i, r[i].len, r[i].hdr.flags)
	}
	rawValue("recvmmsg, nothing", 299, a, uintptr(unsafe.Pointer(r)), 8, syscall.MSG_DONTWAIT, 0)
	rawValue("recvmmsg of none", 299, a, uintptr(unsafe.Pointer(r)), 0, syscall.MSG_DONTWAIT, 0)
	v[2].hdr = newMessage("third", 5).hdr
	rawValue("sendmmsg", 307, s, uintptr(unsafe.Pointer(v)), 3, 0)
	rawValue("recvmmsg, wait for one", 299, a, uintptr(unsafe.Pointer(r)), 8, msgWaitForOne, 0)
	rawValue("sendmmsg", 307, s, uintptr(unsafe.Pointer(v)), 3, 0)
	ts, bad := &syscall.Timespec{Nsec: 20e6}, &syscall.Timespec{Nsec: 1e9}
	keptAddrs = append(keptAddrs, ts, bad)
	rawValue("recvmmsg, bad timeout", 299, a, uintptr(unsafe.Pointer(r)), 3, 0, uintptr(unsafe.Pointer(bad)))
	rawValue("recvmmsg, wild timeout", 299, a, uintptr(unsafe.Pointer(r)), 3, 0, wild)
	rawValue("recvmmsg with a timeout", 299, a, uintptr(unsafe.Pointer(r)), 3, 0, uintptr(unsafe.Pointer(ts)))
	say("which has", "time left %v", ts.Nsec > 0 && ts.Nsec <= 20e6)
	m := newMessage("", 10)
	m.hdr.iovlen = 1025
	rawValue("sendmsg of 1025 vectors", syscall.SYS_SENDMSG, s, m.ptr(), 0)
	m.hdr.iovlen = 1
	m.hdr.namelen = ^uint32(0)
	m.hdr.name, _ = loopback(2, portOf(a))
	rawValue("sendmsg, name length -1", syscall.SYS_SENDMSG, s, m.ptr(), 0)
	m.hdr.namelen = 1000
	rawValue("sendmsg, name length 1000", syscall.SYS_SENDMSG, s, m.ptr(), 0)
	m.hdr.namelen = 0
	m.hdr.controllen = 1 << 32
	rawValue("sendmsg, control of 4 GiB", syscall.SYS_SENDMSG, s, m.ptr(), 0)
	m.hdr.controllen = 24
	m.hdr.control = wild
	rawValue("sendmsg, control wild", syscall.SYS_SENDMSG, s, m.ptr(), 0)
	syscall.Close(int(a))
	syscall.Close(int(s))
}

func udpMulticast() {
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	group := [4]byte{224, 0, 1, 129}
	r := socket(2, 2, 0)
	raw("multicast bind", syscall.SYS_BIND, r, addr4(224, 0, 1, 129, 0).ptr(), 16)
	named("multicast name", syscall.SYS_GETSOCKNAME, r)
	mreq := func(g [4]byte, iface [4]byte, index int32) []byte {
		return append(append(append([]byte{}, g[:]...), iface[:]...), intBytes(index)...)
	}
	lo := [4]byte{127, 0, 0, 1}
	set := func(what string, s uintptr, level, name uintptr, v []byte) {
		keptAddrs = append(keptAddrs, v)
		raw(what, syscall.SYS_SETSOCKOPT, s, level, name, uintptr(unsafe.Pointer(&v[0])), uintptr(len(v)))
	}
	set("join what is no group", r, 0, 35, mreq(lo, lo, 0)[:8])
	set("join, 7 bytes", r, 0, 35, mreq(group, lo, 0)[:7])
	set("join, an address of nobody", r, 0, 35, mreq(group, [4]byte{8, 8, 8, 8}, 0)[:8])
	set("join, no such interface", r, 0, 35, mreq(group, lo, 9999))
	set("leave what was not joined", r, 0, 36, mreq(group, lo, 0)[:8])
	set("join", r, 0, 35, mreq(group, lo, 0)[:8])
	set("join again", r, 0, 35, mreq(group, lo, 0)[:8])
	set("join again by index", r, 0, 35, mreq(group, [4]byte{}, 1))
	s := socket(2, 2, 0)
	set("IP_MULTICAST_IF of nobody", s, 0, 32, []byte{8, 8, 8, 8})
	set("IP_MULTICAST_IF short", s, 0, 32, []byte{8, 8, 8})
	set("IP_MULTICAST_IF", s, 0, 32, lo[:])
	to := addr4(224, 0, 1, 129, portOf(r))
	rawValue("multicast", syscall.SYS_SENDTO, s, bp, 4, 0, to.ptr(), 16)
	rawValue("arrives", syscall.SYS_RECVFROM, r, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	result("IP_MULTICAST_LOOP off", syscall.SetsockoptInt(int(s), 0, 34, 0))
	result("IP_MULTICAST_ALL off", syscall.SetsockoptInt(int(r), 0, 49, 0))
	result("IP_MULTICAST_ALL 2", syscall.SetsockoptInt(int(r), 0, 49, 2))
	result("IP_MULTICAST_TTL 256", syscall.SetsockoptInt(int(s), 0, 33, 256))
	result("IP_MULTICAST_TTL -1", syscall.SetsockoptInt(int(s), 0, 33, -1))
	result("IP_MULTICAST_LOOP on", syscall.SetsockoptInt(int(s), 0, 34, 1))
	rawValue("multicast", syscall.SYS_SENDTO, s, bp, 4, 0, to.ptr(), 16)
	rawValue("arrives", syscall.SYS_RECVFROM, r, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	src := func(g, i, from [4]byte) []byte { return append(append(append([]byte{}, g[:]...), i[:]...), from[:]...) }
	set("block a source", r, 0, 38, src(group, lo, lo))
	set("block it again", r, 0, 38, src(group, lo, lo))
	rawValue("multicast", syscall.SYS_SENDTO, s, bp, 4, 0, to.ptr(), 16)
	rawValue("does not arrive", syscall.SYS_RECVFROM, r, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	set("unblock it", r, 0, 37, src(group, lo, lo))
	set("unblock it again", r, 0, 37, src(group, lo, lo))
	rawValue("multicast", syscall.SYS_SENDTO, s, bp, 4, 0, to.ptr(), 16)
	rawValue("arrives", syscall.SYS_RECVFROM, r, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	set("leave", r, 0, 36, mreq(group, lo, 0)[:8])
	set("join one source", r, 0, 39, src(group, lo, [4]byte{127, 0, 0, 9}))
	rawValue("multicast", syscall.SYS_SENDTO, s, bp, 4, 0, to.ptr(), 16)
	rawValue("does not arrive", syscall.SYS_RECVFROM, r, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	set("join another source", r, 0, 39, src(group, lo, lo))
	set("block a source of those", r, 0, 38, src(group, lo, lo))
	rawValue("multicast", syscall.SYS_SENDTO, s, bp, 4, 0, to.ptr(), 16)
	rawValue("arrives", syscall.SYS_RECVFROM, r, bp, 100, syscall.MSG_DONTWAIT, 0, 0)
	set("leave one source", r, 0, 40, src(group, lo, lo))
	set("leave the other", r, 0, 40, src(group, lo, [4]byte{127, 0, 0, 9}))
	set("leave once more", r, 0, 40, src(group, lo, lo))
	// RFC 3678's own form.
	gr := make([]byte, 136)
	gr[0] = 1
	*(*sockaddr4)(unsafe.Pointer(&gr[8])) = *addr4(224, 0, 1, 129, 0)
	set("MCAST_JOIN_GROUP short", r, 0, 42, gr[:100])
	set("MCAST_JOIN_GROUP", r, 0, 42, gr)
	set("MCAST_JOIN_GROUP again", r, 0, 42, gr)
	set("MCAST_LEAVE_GROUP", r, 0, 45, gr)
	set("MCAST_LEAVE_GROUP again", r, 0, 45, gr)
	tcp := socket(2, 1, 0)
	set("join with a stream", tcp, 0, 35, mreq(group, lo, 0)[:8])
	result("IP_MULTICAST_TTL of a stream", syscall.SetsockoptInt(int(tcp), 0, 33, 1))

	g6 := make([]byte, 20)
	g6[0], g6[1], g6[15] = 0xff, 0x01, 0x77
	six := socket(10, 2, 0)
	raw("six bind", syscall.SYS_BIND, six, addr6(0, 0).ptr(), 28)
	g6[16] = 1
	set("six join", six, 41, 20, g6)
	set("six join again", six, 41, 20, g6)
	set("six join short", six, 41, 20, g6[:19])
	result("IPV6_MULTICAST_IF 9999", syscall.SetsockoptInt(int(six), 41, 17, 9999))
	result("IPV6_MULTICAST_IF 1", syscall.SetsockoptInt(int(six), 41, 17, 1))
	result("IPV6_MULTICAST_HOPS 256", syscall.SetsockoptInt(int(six), 41, 18, 256))
	result("IPV6_MULTICAST_HOPS 5", syscall.SetsockoptInt(int(six), 41, 18, 5))
	result("IPV6_MULTICAST_LOOP 2", syscall.SetsockoptInt(int(six), 41, 19, 2))
	to6 := addr6(0x77, portOf(six))
	to6.addr[0], to6.addr[1] = 0xff, 1
	call(syscall.SYS_SENDTO, six, bp, 4, 0, to6.ptr(), 28) // needs a route that lo may have or not
	set("six leave", six, 41, 21, g6)
	set("six leave again", six, 41, 21, g6)
	for _, s := range []uintptr{r, s, tcp, six} {
		syscall.Close(int(s))
	}
}

func udpControl() {
	a, s := udpPair(2)
	for _, o := range []int{8, 12, 13, 20, 6} { // PKTINFO, RECVTTL, RECVTOS, RECVORIGDSTADDR, RECVOPTS
		result(fmt.Sprint("IP option ", o), syscall.SetsockoptInt(int(a), 0, o, 1))
	}
	send := func(what string, fd uintptr, c []byte) {
		rawValue(what, syscall.SYS_SENDMSG, fd, newMessage("control", 7).withControl(c).ptr(), 0)
	}
	send("plain", s, nil)
	recvMessage("with all", a, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
	send("plain", s, nil)
	recvMessage("with room for one and a half", a, newMessage("", 100).withRoom(128, 48), syscall.MSG_DONTWAIT)
	send("plain", s, nil)
	recvMessage("with no room", a, newMessage("", 100).withRoom(128, 0), syscall.MSG_DONTWAIT)
	result("SO_TIMESTAMP", syscall.SetsockoptInt(int(a), 1, 29, 1))
	send("TTL and TOS", s, cmsg(cmsg(nil, 0, 2, intBytes(7)), 0, 1, intBytes(0x28)))
	recvMessage("arrive", a, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
	result("SO_TIMESTAMPNS", syscall.SetsockoptInt(int(a), 1, 35, 1))
	send("TOS of one byte", s, cmsg(nil, 0, 1, []byte{0x10}))
	recvMessage("arrives", a, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
	result("SO_TIMESTAMPNS", syscall.SetsockoptInt(int(a), 1, 35, 0))
	result("SO_TIMESTAMPING", syscall.SetsockoptInt(int(a), 1, 37, 0x18))
	time.Sleep(200 * time.Millisecond) // Linux begins to take the time of packets a little later
	send("plain", s, nil)
	recvMessage("with a timestamp", a, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
	result("SO_TIMESTAMPING", syscall.SetsockoptInt(int(a), 1, 37, 0))
	send("TTL 0", s, cmsg(nil, 0, 2, intBytes(0)))
	send("TTL 256", s, cmsg(nil, 0, 2, intBytes(256)))
	send("TTL short", s, cmsg(nil, 0, 2, []byte{1, 0}))
	send("TOS 256", s, cmsg(nil, 0, 1, intBytes(256)))
	send("unknown of IP", s, cmsg(nil, 0, 99, intBytes(1)))
	send("unknown level", s, cmsg(nil, 99, 99, intBytes(1)))
	send("unknown of SOL_SOCKET", s, cmsg(nil, 1, 99, intBytes(1)))
	send("of IPV6", s, cmsg(nil, 41, 52, intBytes(1)))
	send("PKTINFO short", s, cmsg(nil, 0, 8, intBytes(1)))
	info := make([]byte, 12)
	info[0] = 1
	copy(info[4:], []byte{127, 0, 0, 5})
	send("PKTINFO, a source", s, cmsg(nil, 0, 8, info))
	c := cmsg(nil, 0, 2, intBytes(7))
	c[0] = 100
	send("a length beyond", s, c)
	c[0] = 3
	send("a length of 3", s, c)
	send("a rest of 7 bytes", s, append(cmsg(nil, 0, 2, intBytes(7)), 1, 2, 3, 4, 5, 6, 7))
	for i := 0; i < 6; i++ {
		recvMessage("arrived", a, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
	}

	a6, s6 := socket(10, 2, 0), socket(10, 2, 0)
	call(syscall.SYS_BIND, a6, addr6(0, 0).ptr(), 28)
	call(syscall.SYS_CONNECT, s6, addr6(1, portOf(a6)).ptr(), 28)
	for _, o := range []int{49, 51, 66, 74, 11} {
		result(fmt.Sprint("IPV6 option ", o), syscall.SetsockoptInt(int(a6), 41, o, 1))
	}
	send("plain", s6, nil)
	recvMessage("with all", a6, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
	send("hops and class", s6, cmsg(cmsg(nil, 41, 52, intBytes(9)), 41, 67, intBytes(0x28)))
	recvMessage("arrive", a6, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
	send("hops -1", s6, cmsg(nil, 41, 52, intBytes(-1)))
	send("hops -2", s6, cmsg(nil, 41, 52, intBytes(-2)))
	send("hops 256", s6, cmsg(nil, 41, 52, intBytes(256)))
	send("class 256", s6, cmsg(nil, 41, 67, intBytes(256)))
	send("dontfrag 2", s6, cmsg(nil, 41, 62, intBytes(2)))
	send("unknown", s6, cmsg(nil, 41, 99, intBytes(2)))
	info6 := make([]byte, 20)
	send("PKTINFO of nothing", s6, cmsg(nil, 41, 50, info6))
	send("PKTINFO short", s6, cmsg(nil, 41, 50, info6[:19]))
	info6[15] = 9
	send("PKTINFO of a stranger", s6, cmsg(nil, 41, 50, info6))
	info6[15], info6[16] = 1, 1
	send("PKTINFO", s6, cmsg(nil, 41, 50, info6))
	for i := 0; i < 4; i++ {
		recvMessage("arrived", a6, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
	}
	four := socket(2, 2, 0)
	call(syscall.SYS_CONNECT, four, addr4(127, 0, 0, 1, portOf(a6)).ptr(), 16)
	send("from four", four, nil)
	recvMessage("at six", a6, newMessage("", 100).withRoom(128, 512), syscall.MSG_DONTWAIT)
	for _, s := range []uintptr{a, s, a6, s6, four} {
		syscall.Close(int(s))
	}
}
