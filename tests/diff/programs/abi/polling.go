package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	areas["pipes"] = inTemporary(pipes)
	areas["eventfd"] = eventfd
	areas["epoll"] = inTemporary(epoll)
	areas["poll"] = inTemporary(poll)
	areas["timerfd"] = timerfd
	areas["sockets"] = sockets
}

func pipe(flags int) (r, w int) {
	var p [2]int
	must(syscall.Pipe2(p[:], flags))
	return p[0], p[1]
}

func pipes() {
	r, w := pipe(syscall.O_NONBLOCK)
	b := make([]byte, 100)
	_, err := syscall.Read(r, b)
	result("read of an empty one", err)
	n, err := syscall.Write(w, []byte("hello"))
	say("write", "%d %s", n, errno(err))
	n, err = syscall.Read(r, b[:3])
	say("read", "%q %s", b[:n], errno(err))
	n, err = syscall.Read(r, b)
	say("read", "%q %s", b[:n], errno(err))
	_, err = syscall.Read(w, b)
	result("read of the writing end", err)
	_, err = syscall.Write(r, b)
	result("write to the reading end", err)
	_, err = syscall.Seek(r, 0, 0)
	result("seek", err)
	_, err = syscall.Pread(r, b, 0)
	result("pread", err)
	total := 0
	chunk := make([]byte, 4096)
	for {
		n, err = syscall.Write(w, chunk)
		if err != nil {
			break
		}
		total += n
	}
	say("capacity", "%d then %s", total, errno(err))
	n, err = syscall.Read(r, make([]byte, 4096))
	say("room for one", "%d %s", n, errno(err))
	n, err = syscall.Write(w, chunk)
	say("write", "%d %s", n, errno(err))
	rawValue("F_GETPIPE_SZ", syscall.SYS_FCNTL, uintptr(r), 1032, 0)
	rawValue("FIONREAD", syscall.SYS_IOCTL, uintptr(r), 0x541b, uintptr(unsafe.Pointer(&b[0])))
	say("readable", "%d", *(*int32)(unsafe.Pointer(&b[0])))
	syscall.Close(w)
	drained := 0
	for {
		n, err = syscall.Read(r, make([]byte, 30000))
		if n <= 0 {
			break
		}
		drained += n
	}
	say("drained after the close", "%d then %d %s", drained, n, errno(err))

	r, w = pipe(0)
	syscall.Close(r)
	_, err = syscall.Write(w, []byte("x"))
	result("write with no reader", err) // Go ignores SIGPIPE but for descriptors 1 and 2
	result("pipe2 bad flags", syscall.Pipe2(make([]int, 2), 0x10))
	raw("pipe2 bad pointer", syscall.SYS_PIPE2, wild, 0)

	// A blocked reader is woken by data, a blocked writer by room, either by a close.
	r, w = pipe(0)
	go func() {
		time.Sleep(30 * time.Millisecond)
		syscall.Write(w, []byte("late"))
	}()
	n, err = syscall.Read(r, b)
	say("blocked read", "%q %s", b[:n], errno(err))
	done := make(chan int)
	go func() {
		n, _ := syscall.Write(w, make([]byte, 200_000))
		done <- n
	}()
	got := 0
	for got < 200_000 {
		n, err = syscall.Read(r, make([]byte, 10_000))
		must(err)
		got += n
	}
	say("blocked write", "%d of %d", got, <-done)
	go func() {
		time.Sleep(30 * time.Millisecond)
		syscall.Close(w)
	}()
	n, err = syscall.Read(r, b)
	say("read woken by the close", "%d %s", n, errno(err))

	// A named one.
	must(syscall.Mkfifo("fifo", 0o600))
	fd, err := syscall.Open("fifo", syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
	say("fifo without a reader", "%v %s", fd >= 0, errno(err))
	fr, err := syscall.Open("fifo", syscall.O_RDONLY|syscall.O_NONBLOCK, 0)
	result("fifo reader", err)
	n, err = syscall.Read(fr, b)
	say("read without a writer", "%d %s", n, errno(err))
	fw, err := syscall.Open("fifo", syscall.O_WRONLY, 0)
	result("fifo writer", err)
	syscall.Write(fw, []byte("through"))
	n, err = syscall.Read(fr, b)
	say("read", "%q %s", b[:n], errno(err))

	// Deadlines are epoll at work under os.File.
	pr, _, err := os.Pipe()
	must(err)
	pr.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err = pr.Read(b)
	say("deadline", "%v", os.IsTimeout(err))
}

func eventfd() {
	make2 := func(initial, flags uintptr) int {
		fd, e := call(290, initial, flags)
		if e != 0 {
			say("eventfd2", "%s", errno(e))
			return -1
		}
		return int(fd)
	}
	value := func(n uint64) []byte { return append([]byte{}, (*[8]byte)(unsafe.Pointer(&n))[:]...) }
	read := func(what string, fd int) {
		b := make([]byte, 8)
		n, err := syscall.Read(fd, b)
		say(what, "%d %d %s", n, *(*uint64)(unsafe.Pointer(&b[0])), errno(err))
	}
	fd := make2(3, syscall.O_NONBLOCK)
	read("initial", fd)
	read("empty", fd)
	for _, v := range []uint64{1, 41} {
		_, err := syscall.Write(fd, value(v))
		result("write", err)
	}
	read("sum", fd)
	_, err := syscall.Write(fd, value(1<<64-1))
	result("write too much", err)
	_, err = syscall.Write(fd, value(1<<64-2))
	result("write most", err)
	_, err = syscall.Write(fd, value(1))
	result("write when full", err)
	read("most", fd)
	_, err = syscall.Write(fd, []byte("short"))
	result("write 5 bytes", err)
	_, err = syscall.Read(fd, make([]byte, 7))
	result("read 7 bytes", err)
	sem := make2(3, syscall.O_NONBLOCK|1)
	read("semaphore", sem)
	read("semaphore", sem)
	read("semaphore", sem)
	read("semaphore empty", sem)
	make2(0, 0x4)
	go func() {
		time.Sleep(20 * time.Millisecond)
		syscall.Write(fd, value(5))
	}()
	syscall.SetNonblock(fd, false)
	read("blocked", fd)
	_, err = syscall.Seek(fd, 0, 0)
	say("seek", "%v", err == nil || err == syscall.ESPIPE)
}

// waitEvents prints what epoll_wait reports; descriptors by the data given with them.
func waitEvents(what string, ep, ms int) {
	events := make([]syscall.EpollEvent, 8)
	n, err := syscall.EpollWait(ep, events, ms)
	if err != nil {
		result(what, err)
		return
	}
	line := fmt.Sprint(n)
	for _, e := range events[:n] {
		line += fmt.Sprintf(" [%d: %#x]", e.Fd, e.Events)
	}
	say(what, "%s", line)
}

const (
	epollET      = 1 << 31
	epollOneShot = 1 << 30
)

func epoll() {
	ep, err := syscall.EpollCreate1(0)
	must(err)
	ctl := func(what string, op, fd int, events uint32, data int32) {
		result(what, syscall.EpollCtl(ep, op, fd, &syscall.EpollEvent{Events: events, Fd: data}))
	}
	const add, del, mod = syscall.EPOLL_CTL_ADD, syscall.EPOLL_CTL_DEL, syscall.EPOLL_CTL_MOD
	const in, out = uint32(syscall.EPOLLIN), uint32(syscall.EPOLLOUT)
	r, w := pipe(syscall.O_NONBLOCK)
	ctl("add", add, r, in, 1)
	ctl("add again", add, r, in, 1)
	ctl("mod of one not there", mod, w, out, 2)
	ctl("del of one not there", del, w, 0, 2)
	ctl("add nothing", add, 99, in, 3)
	ctl("add itself", add, ep, in, 3)
	ctl("bad op", 9, r, in, 1)
	must(os.WriteFile("f", nil, 0o644))
	f, _ := os.Open("f")
	ctl("add a file", add, int(f.Fd()), in, 4)
	d, _ := os.Open(".")
	ctl("add a directory", add, int(d.Fd()), in, 4)
	result("ctl of a pipe", syscall.EpollCtl(r, add, w, &syscall.EpollEvent{}))
	raw("ctl bad pointer", syscall.SYS_EPOLL_CTL, uintptr(ep), add, uintptr(w), wild)
	waitEvents("nothing", ep, 0)
	waitEvents("nothing in 20 ms", ep, 20)
	syscall.Write(w, []byte("ab"))
	waitEvents("level", ep, 0)
	waitEvents("level again", ep, 0)
	ctl("mod to edge", mod, r, in|epollET, 1)
	waitEvents("edge after mod", ep, 0)
	waitEvents("edge is spent", ep, 0)
	syscall.Write(w, []byte("c"))
	waitEvents("new data re-arms", ep, 0)
	waitEvents("spent", ep, 0)
	b := make([]byte, 1)
	syscall.Read(r, b)
	waitEvents("reading some does not", ep, 0)
	ctl("one shot", mod, r, in|epollOneShot, 1)
	waitEvents("one shot", ep, 0)
	waitEvents("disarmed", ep, 0)
	ctl("armed anew", mod, r, in|epollOneShot, 7)
	waitEvents("one shot", ep, 0)
	ctl("writer", add, w, out|epollET, 2)
	waitEvents("writable", ep, 0)
	waitEvents("spent", ep, 0)
	for {
		if _, err := syscall.Write(w, make([]byte, 4096)); err != nil {
			break
		}
	}
	waitEvents("full", ep, 0)
	for {
		if n, _ := syscall.Read(r, make([]byte, 65536)); n <= 0 {
			break
		}
	}
	waitEvents("room again", ep, 0)
	ctl("reader with rdhup", mod, r, in|0x2000|epollET, 1)
	waitEvents("quiet", ep, 0)
	syscall.Close(w)
	waitEvents("the other end closed", ep, 0)
	syscall.Close(r)
	waitEvents("closing takes it out", ep, 0)
	r, w = pipe(syscall.O_NONBLOCK)
	ctl("writer", add, w, out, 2)
	syscall.Close(r)
	waitEvents("no reader left", ep, 0)
	_, err = syscall.EpollWait(ep, make([]syscall.EpollEvent, 0, 1)[:0:1], 0)
	say("no room for events", "%v", err != nil)
	raw("wait for 0 events", syscall.SYS_EPOLL_WAIT, uintptr(ep), wild, 0, 0)
	raw("wait into nowhere", syscall.SYS_EPOLL_WAIT, uintptr(ep), wild, 1, 0)
	raw("wait on a file", syscall.SYS_EPOLL_WAIT, f.Fd(), wild, 1, 0)

	// An epoll in an epoll; woken from another thread; more ready than asked for.
	outer, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	must(err)
	inner, err := syscall.EpollCreate1(0)
	must(err)
	r, w = pipe(0)
	must(syscall.EpollCtl(inner, add, r, &syscall.EpollEvent{Events: in, Fd: 5}))
	must(syscall.EpollCtl(outer, add, inner, &syscall.EpollEvent{Events: in, Fd: 6}))
	waitEvents("nested, quiet", outer, 0)
	go func() {
		time.Sleep(30 * time.Millisecond)
		syscall.Write(w, []byte("x"))
	}()
	waitEvents("nested, woken", outer, 5000)
	waitEvents("inner", inner, 0)
	result("loop", syscall.EpollCtl(inner, add, outer, &syscall.EpollEvent{Events: in}))
	var ws []int
	for i := 0; i < 5; i++ {
		a, b := pipe(0)
		must(syscall.EpollCtl(inner, add, a, &syscall.EpollEvent{Events: in, Fd: int32(100 + i)}))
		syscall.Write(b, []byte("x"))
		ws = append(ws, b)
	}
	seen := map[int32]bool{}
	for i := 0; i < 6; i++ {
		ev := make([]syscall.EpollEvent, 2)
		n, err := syscall.EpollWait(inner, ev, 0)
		must(err)
		for _, e := range ev[:n] {
			seen[e.Fd] = true
		}
	}
	say("all get their turn", "%d", len(seen))
	start := time.Now()
	quiet, _ := syscall.EpollCreate1(0)
	waitEvents("50 ms", quiet, 50)
	say("took 50 ms", "%v", time.Since(start) >= 50*time.Millisecond)
	raw("create1 bad flag", syscall.SYS_EPOLL_CREATE1, 1)
	raw("create 0", syscall.SYS_EPOLL_CREATE, 0)
}

type pollfd struct {
	fd      int32
	events  int16
	revents int16
}

func poll() {
	show := func(what string, ms int, fds ...pollfd) {
		var p uintptr
		if len(fds) > 0 {
			p = uintptr(unsafe.Pointer(&fds[0]))
		}
		n, e := call(syscall.SYS_POLL, p, uintptr(len(fds)), at(ms))
		line := fmt.Sprintf("%d %s", int(n), errno(e))
		for _, f := range fds {
			line += fmt.Sprintf(" %#x", f.revents)
		}
		say(what, "%s", line)
	}
	r, w := pipe(0)
	must(os.WriteFile("f", []byte("x"), 0o644))
	f, _ := os.Open("f")
	file := int32(f.Fd())
	const in, out, pri = 1, 4, 2
	show("empty pipe", 0, pollfd{int32(r), in, 0}, pollfd{int32(w), out, 0})
	syscall.Write(w, []byte("x"))
	show("pipe with data", 0, pollfd{int32(r), in | pri, 0}, pollfd{int32(w), out, 0})
	show("not asked for", 0, pollfd{int32(r), 0, 0})
	show("file", 0, pollfd{file, in | out, 0})
	show("negative is skipped", 0, pollfd{-1, in, 0}, pollfd{file, in, 0})
	show("closed", 0, pollfd{99, in, 0})
	show("none", 10)
	syscall.Close(w)
	show("hung up", 0, pollfd{int32(r), in, 0})
	r, w = pipe(0)
	go func() {
		time.Sleep(20 * time.Millisecond)
		syscall.Write(w, []byte("x"))
	}()
	show("woken", 5000, pollfd{int32(r), in, 0})
	raw("bad pointer", syscall.SYS_POLL, wild, 1, 0)
	ts := syscall.Timespec{Nsec: 1000}
	fds := []pollfd{{int32(r), in, 0}}
	rawValue("ppoll", syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1, uintptr(unsafe.Pointer(&ts)), 0, 8)
	ts.Nsec = -1
	rawValue("ppoll bad time", syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1, uintptr(unsafe.Pointer(&ts)), 0, 8)

	set := func(fds ...int) *syscall.FdSet {
		var s syscall.FdSet
		for _, fd := range fds {
			s.Bits[fd/64] |= 1 << (fd % 64)
		}
		return &s
	}
	rs, wset := set(r), set(w)
	n, err := syscall.Select(w+1, rs, wset, nil, &syscall.Timeval{})
	say("select", "%d %s %v %v", n, errno(err), rs.Bits[0] == 1<<r, wset.Bits[0] == 1<<w)
	syscall.Read(r, make([]byte, 1))
	rs = set(r)
	n, err = syscall.Select(r+1, rs, nil, nil, &syscall.Timeval{Usec: 10_000})
	say("select timeout", "%d %s %v", n, errno(err), rs.Bits[0] == 0)
	// Below 64, the smallest descriptor table: Linux ignores what lies past the end of the table.
	_, err = syscall.Select(61, set(60), nil, nil, &syscall.Timeval{})
	result("select of a closed one", err)
	_, err = syscall.Select(-1, nil, nil, nil, &syscall.Timeval{})
	result("select negative", err)
	_, err = syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 1000})
	result("select as a sleep", err)
}

func timerfd() {
	fd, e := call(283, 1, syscall.O_NONBLOCK)
	say("timerfd_create", "%s", errno(e))
	if e != 0 {
		return
	}
	b := make([]byte, 8)
	_, err := syscall.Read(int(fd), b)
	result("not armed", err)
	spec := [4]int64{0, 10_000_000, 0, 10_000_000}
	raw("settime", 286, fd, 0, uintptr(unsafe.Pointer(&spec)), 0)
	time.Sleep(60 * time.Millisecond)
	n, err := syscall.Read(int(fd), b)
	say("expired", "%d %s several %v", n, errno(err), *(*uint64)(unsafe.Pointer(&b[0])) >= 3)
	spec = [4]int64{}
	raw("disarm", 286, fd, 0, uintptr(unsafe.Pointer(&spec)), 0)
	_, err = syscall.Read(int(fd), b)
	say("disarmed", "%v", err == syscall.EAGAIN)
	raw("bad clock", 283, 77, 0)
	raw("bad pointer", 286, fd, 0, wild, 0)
}

// sockets asks only what a machine without a network has to answer as any other.
func sockets() {
	_, err := syscall.Socket(77, syscall.SOCK_STREAM, 0)
	result("unknown family", err)
	raw("bind of a closed one", syscall.SYS_BIND, 99, 0, 0)
	raw("accept of a closed one", syscall.SYS_ACCEPT, 99, 0, 0)
	r, _ := pipe(0)
	raw("bind of a pipe", syscall.SYS_BIND, uintptr(r), cstring("0123456789abcdef"), 16)
	raw("listen on a pipe", syscall.SYS_LISTEN, uintptr(r), 1)
	raw("getsockname of a pipe", syscall.SYS_GETSOCKNAME, uintptr(r), cstring("0123456789abcdef"), cstring("\x10\x00\x00\x00"))
	raw("shutdown of a pipe", syscall.SYS_SHUTDOWN, uintptr(r), 0)
}
