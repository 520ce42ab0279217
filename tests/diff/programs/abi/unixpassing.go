package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

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
