package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	areas["sendfile"] = inTemporary(sendfile)
	areas["splice"] = inTemporary(splice)
	areas["tee"] = inTemporary(tee)
	areas["vmsplice"] = inTemporary(vmsplice)
	areas["copyrange"] = inTemporary(copyRange)
}

const (
	sysTee           = 276
	sysSplice        = 275
	sysVmsplice      = 278
	sysCopyFileRange = 326
	spliceNonblock   = 2
)

// pattern is n bytes of which each tells where it was.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + i>>16)
	}
	return b
}

func fileWith(name string, data []byte) int {
	must(os.WriteFile(name, data, 0o644))
	fd, err := syscall.Open(name, syscall.O_RDWR, 0)
	must(err)
	return fd
}

func position(what string, fd int) {
	n, err := syscall.Seek(fd, 0, 1)
	say(what, "at %d %s", n, errno(err))
}

// drain reads until there is nothing (or the end).
func drain(fd int) []byte {
	var all []byte
	b := make([]byte, 100_000)
	for {
		n, err := syscall.Read(fd, b)
		if n <= 0 || err != nil {
			return all
		}
		all = append(all, b[:n]...)
	}
}

func sendfileAt(what string, out, in int, offset *int64, n int) int {
	v, e := call(syscall.SYS_SENDFILE, uintptr(out), uintptr(in), uintptr(unsafe.Pointer(offset)), uintptr(n))
	if e != 0 {
		say(what, "%s", errno(e))
		return 0
	}
	say(what, "= %d", int(v))
	return int(v)
}

func sendfile() {
	data := pattern(300_000)
	in := fileWith("in", data)
	out := fileWith("out", nil)
	sendfileAt("file to file", out, in, nil, 100)
	position("in", in)
	position("out", out)
	offset := int64(1000)
	sendfileAt("at an offset", out, in, &offset, 50)
	say("offset", "%d", offset)
	position("in", in)
	offset = 299_990
	sendfileAt("to the end", out, in, &offset, 50)
	sendfileAt("past the end", out, in, &offset, 50)
	offset = -1
	sendfileAt("before the start", out, in, &offset, 50)
	sendfileAt("nothing", out, in, nil, 0)
	sendfileAt("less than nothing", out, in, nil, -1)
	raw("a wild offset", syscall.SYS_SENDFILE, uintptr(out), uintptr(in), wild, 10)
	sendfileAt("to no file", 999, in, nil, 10)
	sendfileAt("from no file", out, 999, nil, 10)
	ro, _ := syscall.Open("in", syscall.O_RDONLY, 0)
	wo, _ := syscall.Open("out", syscall.O_WRONLY, 0)
	ap, _ := syscall.Open("out", syscall.O_WRONLY|syscall.O_APPEND, 0)
	dir, _ := syscall.Open(".", syscall.O_RDONLY, 0)
	sendfileAt("to a file for reading", ro, in, nil, 10)
	sendfileAt("from a file for writing", out, wo, nil, 10)
	sendfileAt("to one that appends", ap, in, nil, 10)
	sendfileAt("from a directory", out, dir, nil, 10)
	got, err := os.ReadFile("out")
	must(err)
	want := append(append([]byte{}, data[:100]...), data[1000:1050]...)
	want = append(want, data[299_990:]...)
	say("the file is right", "%v", bytes.Equal(got, want))

	r, w := pipe(syscall.O_NONBLOCK)
	sendfileAt("from a pipe", out, r, nil, 10)
	offset = 0
	n := sendfileAt("to a pipe", w, in, &offset, 300_000)
	say("what came is right", "%v", bytes.Equal(drain(r), data[:n]))
	syscall.SetNonblock(w, false)
	done := make(chan int)
	go func() {
		offset := int64(0)
		n, _ := call(syscall.SYS_SENDFILE, uintptr(w), uintptr(in), uintptr(unsafe.Pointer(&offset)), 300_000)
		syscall.Close(w)
		done <- int(n)
	}()
	syscall.SetNonblock(r, false)
	came := drain(r)
	say("all of it to a pipe", "%d %v", <-done, bytes.Equal(came, data))
	syscall.Close(r)
	r, w = pipe(0)
	syscall.Close(r)
	sendfileAt("to a pipe without readers", w, in, &offset, 10)

	for _, kind := range []int{syscall.SOCK_STREAM, syscall.SOCK_SEQPACKET} {
		a, b := unixPair(kind)
		syscall.SetNonblock(a, true)
		offset = 10
		n = sendfileAt("to a socket", a, in, &offset, 5000)
		buf := make([]byte, 10_000)
		m, err := syscall.Read(b, buf)
		say("what came is right", "%d %v %s", m, bytes.Equal(buf[:n], data[10:10+n]), errno(err))
		say("offset", "%d", offset)
		syscall.SetNonblock(a, false)
		go func() {
			offset := int64(0)
			left := 300_000
			for left > 0 {
				n, e := call(syscall.SYS_SENDFILE, uintptr(a), uintptr(in), uintptr(unsafe.Pointer(&offset)), uintptr(left))
				if e != 0 || int(n) <= 0 {
					break
				}
				left -= int(n)
			}
			syscall.Close(a)
			done <- 300_000 - left
		}()
		came := drain(b)
		say("all of it to a socket", "%d %v", <-done, bytes.Equal(came, data))
		sendfileAt("from a socket", out, b, nil, 10)
		sendfileAt("to a socket without a peer", b, in, nil, 10)
		syscall.Close(b)
	}
	s := unixSocket(syscall.SOCK_STREAM)
	sendfileAt("to one unconnected", s, in, nil, 10)

	null, _ := syscall.Open("/dev/null", syscall.O_RDWR, 0)
	sendfileAt("to /dev/null", null, in, nil, 10)
	full, _ := syscall.Open("/dev/full", syscall.O_RDWR, 0)
	sendfileAt("to /dev/full", full, in, nil, 10)
	sendfileAt("from /dev/null", out, null, nil, 10)
	sparse := fileWith("sparse", nil)
	must(syscall.Ftruncate(sparse, 100_000))
	a, b := unixPair(syscall.SOCK_STREAM)
	n = sendfileAt("a hole", a, sparse, nil, 100_000)
	buf := make([]byte, 200_000)
	m := 0
	for m < n {
		k, err := syscall.Read(b, buf[m:])
		must(err)
		m += k
	}
	say("it is zero", "%v", bytes.Count(buf[:m], []byte{0}) == m)
	same := fileWith("same", pattern(5000))
	_, err = syscall.Seek(same, 0, 2)
	result("seek", err)
	offset = 0
	sendfileAt("to itself", same, same, &offset, 5000)
	got, _ = os.ReadFile("same")
	say("twice itself", "%d %v", len(got), len(got) == 10_000 && bytes.Equal(got[:5000], got[5000:]))
}

func spliceAt(what string, in int, inOff *int64, out int, outOff *int64, n, flags int) int {
	v, e := call(sysSplice, uintptr(in), uintptr(unsafe.Pointer(inOff)), uintptr(out), uintptr(unsafe.Pointer(outOff)), uintptr(n), uintptr(flags))
	if e != 0 {
		say(what, "%s", errno(e))
		return 0
	}
	say(what, "= %d", int(v))
	return int(v)
}

func splice() {
	data := pattern(200_000)
	in := fileWith("in", data)
	out := fileWith("out", nil)
	r, w := pipe(0)
	n := spliceAt("file to pipe", in, nil, w, nil, 5000, 0)
	position("in", in)
	buf := make([]byte, 300_000)
	m, _ := syscall.Read(r, buf)
	say("what came", "%d %v", m, bytes.Equal(buf[:n], data[:n]))
	offset := int64(4000)
	spliceAt("at an offset", in, &offset, w, nil, 3000, 0)
	say("offset", "%d", offset)
	position("in", in)
	spliceAt("pipe to file", r, nil, out, nil, 10_000, 0)
	position("out", out)
	spliceAt("file to pipe", in, &offset, w, nil, 2000, 0)
	outOff := int64(100)
	spliceAt("pipe to file at an offset", r, nil, out, &outOff, 10_000, 0)
	say("offset", "%d", outOff)
	position("out", out)
	got, _ := os.ReadFile("out")
	want := append([]byte{}, data[4000:7000]...)
	copy(want[100:], data[7000:9000])
	say("the file is right", "%v", bytes.Equal(got, want))
	spliceAt("an empty pipe, not waiting", r, nil, out, nil, 10, spliceNonblock)
	spliceAt("nothing", r, nil, out, nil, 0, 0)
	spliceAt("bad flags", r, nil, out, nil, 1, 0x100)
	spliceAt("file to file", in, nil, out, nil, 1, 0)
	spliceAt("pipe to itself", r, nil, w, nil, 1, 0)
	spliceAt("pipe with an offset", r, &offset, out, nil, 1, 0)
	spliceAt("into a pipe with an offset", in, nil, w, &offset, 1, 0)
	spliceAt("no descriptor", 999, nil, w, nil, 1, 0)
	spliceAt("no descriptor", r, nil, 999, nil, 1, 0)
	spliceAt("ends reversed", in, nil, r, nil, 1, 0)
	spliceAt("ends reversed", w, nil, out, nil, 1, 0)
	negative := int64(-5)
	spliceAt("before the start", in, &negative, w, nil, 1, 0)
	raw("a wild offset", sysSplice, uintptr(in), wild, uintptr(w), 0, 1, 0)
	ap, _ := syscall.Open("out", syscall.O_WRONLY|syscall.O_APPEND, 0)
	syscall.Write(w, []byte("x"))
	spliceAt("to one that appends", r, nil, ap, nil, 1, 0)
	dir, _ := syscall.Open(".", syscall.O_RDONLY, 0)
	spliceAt("from a directory", dir, nil, w, nil, 1, 0)
	efd, _ := call(290, 0, 0)
	spliceAt("to an eventfd", r, nil, int(efd), nil, 1, 0)
	offset = 200_000
	spliceAt("from the end", in, &offset, w, nil, 10, 0)
	syscall.Read(r, buf)
	must(syscall.Close(w))
	spliceAt("a pipe that ended", r, nil, out, nil, 10, 0)
	syscall.Close(r)
	r, w = pipe(0)
	syscall.Close(r)
	spliceAt("a pipe nobody reads", in, nil, w, nil, 10, 0)
	syscall.Close(w)

	// Between pipes.
	r, w = pipe(0)
	r2, w2 := pipe(0)
	syscall.Write(w, []byte("hello pipes"))
	spliceAt("pipe to pipe", r, nil, w2, nil, 5, 0)
	m, _ = syscall.Read(r2, buf)
	say("second", "%q", buf[:m])
	m, _ = syscall.Read(r, buf)
	say("first", "%q", buf[:m])
	spliceAt("pipe to pipe, nothing", r, nil, w2, nil, 5, spliceNonblock)
	go func() {
		time.Sleep(20 * time.Millisecond)
		syscall.Write(w, []byte("late"))
	}()
	spliceAt("pipe to pipe, waiting", r, nil, w2, nil, 50, 0)
	m, _ = syscall.Read(r2, buf)
	say("second", "%q", buf[:m])

	// A full one.
	syscall.SetNonblock(w, true)
	for {
		if _, err := syscall.Write(w, make([]byte, 4096)); err != nil {
			break
		}
	}
	offset = 0
	spliceAt("into a full pipe", in, &offset, w, nil, 10, spliceNonblock)
	spliceAt("into a full pipe that does not wait", in, &offset, w, nil, 10, 0)
	syscall.SetNonblock(w, false)
	go func() {
		time.Sleep(20 * time.Millisecond)
		syscall.Read(r, make([]byte, 4096))
	}()
	spliceAt("into a full pipe, waiting", in, &offset, w, nil, 10, 0)

	// Sockets.
	for _, kind := range []int{syscall.SOCK_STREAM, syscall.SOCK_DGRAM, syscall.SOCK_SEQPACKET} {
		fmt.Println("type", kind)
		a, b := unixPair(kind)
		c, d := unixPair(kind)
		r, w := pipe(0)
		syscall.SetNonblock(b, true)
		if kind == syscall.SOCK_STREAM {
			syscall.SetNonblock(b, false)
			spliceAt("an empty socket, not waiting", b, nil, w, nil, 100, spliceNonblock)
			syscall.SetNonblock(b, true)
		}
		spliceAt("an empty socket", b, nil, w, nil, 100, 0)
		syscall.Write(a, []byte("through "))
		syscall.Write(a, []byte("the pipe"))
		spliceAt("socket to pipe", b, nil, w, nil, 100, 0)
		spliceAt("pipe to socket", r, nil, c, nil, 100, 0)
		m, err := syscall.Read(d, buf)
		say("came", "%q %s", buf[:m], errno(err))
		syscall.Close(a)
		if kind == syscall.SOCK_STREAM {
			spliceAt("a socket that ended", b, nil, w, nil, 100, 0)
		}
		syscall.Close(d)
		syscall.Write(w, []byte("lost"))
		spliceAt("to the dead", r, nil, c, nil, 100, 0)
	}
	// A relay, as io.Copy makes it.
	a, b := unixPair(syscall.SOCK_STREAM)
	c, d := unixPair(syscall.SOCK_STREAM)
	r, w = pipe(0)
	go func() {
		syscall.Write(a, pattern(2_000_000))
		syscall.Close(a)
	}()
	relayed := make(chan int)
	go func() {
		total := 0
		for {
			n, e := call(sysSplice, uintptr(b), 0, uintptr(w), 0, 1<<20, 0)
			if e != 0 || n == 0 {
				break
			}
			for left := int(n); left > 0; {
				m, e := call(sysSplice, uintptr(r), 0, uintptr(c), 0, uintptr(left), spliceNonblock)
				if e == syscall.EAGAIN {
					time.Sleep(time.Millisecond)
					continue
				}
				if e != 0 {
					break
				}
				left -= int(m)
				total += int(m)
			}
		}
		syscall.Close(c)
		relayed <- total
	}()
	came := drain(d)
	say("relayed", "%d %v", <-relayed, bytes.Equal(came, pattern(2_000_000)))

	null, _ := syscall.Open("/dev/null", syscall.O_RDWR, 0)
	zero, _ := syscall.Open("/dev/zero", syscall.O_RDONLY, 0)
	r, w = pipe(0)
	spliceAt("/dev/zero to a pipe", zero, nil, w, nil, 100, 0)
	spliceAt("a pipe to /dev/null", r, nil, null, nil, 100, 0)
	spliceAt("/dev/null to a pipe", null, nil, w, nil, 100, 0)
	ro, _ := syscall.Open("in", syscall.O_RDONLY, 0)
	syscall.Write(w, []byte("x"))
	spliceAt("to a file for reading", r, nil, ro, nil, 100, 0)
}

func tee() {
	r, w := pipe(0)
	r2, w2 := pipe(0)
	buf := make([]byte, 1000)
	try := func(what string, in, out, n, flags int) {
		rawValue(what, sysTee, uintptr(in), uintptr(out), uintptr(n), uintptr(flags))
	}
	syscall.Write(w, []byte("doubled"))
	try("tee", r, w2, 100, 0)
	m, _ := syscall.Read(r2, buf)
	say("copy", "%q", buf[:m])
	try("part", r, w2, 3, 0)
	m, _ = syscall.Read(r2, buf)
	say("copy", "%q", buf[:m])
	m, _ = syscall.Read(r, buf)
	say("original", "%q", buf[:m])
	try("empty, not waiting", r, w2, 10, spliceNonblock)
	try("nothing", r, w2, 0, 0)
	try("bad flags", r, w2, 10, 0x40)
	syscall.Write(w, []byte("x"))
	try("to itself", r, w, 10, 0)
	try("ends reversed", w, r2, 10, 0)
	try("no descriptor", 999, w2, 10, 0)
	f := fileWith("f", []byte("x"))
	try("a file", f, w2, 10, 0)
	try("to a file", r, f, 10, 0)
	syscall.Read(r, buf)
	go func() {
		time.Sleep(20 * time.Millisecond)
		syscall.Write(w, []byte("late"))
	}()
	try("waiting", r, w2, 10, 0)
	syscall.Close(w)
	syscall.Read(r, buf)
	try("ended", r, w2, 10, 0)
	syscall.Close(r2)
}

func vmsplice() {
	r, w := pipe(0)
	buf := make([]byte, 300_000)
	first, second := []byte("first "), []byte("second")
	vec := func(bufs ...[]byte) (uintptr, uintptr) {
		v := make([]syscall.Iovec, len(bufs)+1)
		for i, b := range bufs {
			if len(b) > 0 {
				v[i].Base = &b[0]
			}
			v[i].SetLen(len(b))
		}
		keep2 = append(keep2, v)
		return uintptr(unsafe.Pointer(&v[0])), uintptr(len(bufs))
	}
	p, n := vec(first, second)
	rawValue("gather", sysVmsplice, uintptr(w), p, n, 0)
	m, _ := syscall.Read(r, buf)
	say("came", "%q", buf[:m])
	syscall.Write(w, []byte("scattered bytes"))
	p, n = vec(first, second)
	rawValue("scatter", sysVmsplice, uintptr(r), p, n, 0)
	say("came", "%q %q", first, second)
	m, _ = syscall.Read(r, buf)
	say("the rest", "%q", buf[:m])
	rawValue("empty, not waiting", sysVmsplice, uintptr(r), p, n, spliceNonblock)
	rawValue("bad flags", sysVmsplice, uintptr(r), p, n, 0x40)
	rawValue("no vectors", sysVmsplice, uintptr(r), p, 0, 0)
	rawValue("too many", sysVmsplice, uintptr(r), p, 1025, 0)
	f := fileWith("f", nil)
	rawValue("a file", sysVmsplice, uintptr(f), p, n, 0)
	rawValue("no descriptor", sysVmsplice, 999, p, n, 0)
	rawValue("wild vectors", sysVmsplice, uintptr(w), wild, 2, 0)
	p, n = vec(pattern(300_000))
	rawValue("more than it holds", sysVmsplice, uintptr(w), p, n, spliceNonblock)
	rawValue("when full", sysVmsplice, uintptr(w), p, n, spliceNonblock)
	m, _ = syscall.Read(r, buf)
	say("came", "%d %v", m, bytes.Equal(buf[:m], pattern(300_000)[:m]))
	syscall.Close(r)
	rawValue("nobody reads", sysVmsplice, uintptr(w), p, n, 0)
}

var keep2 []any

func copyRange() {
	data := pattern(50_000)
	in := fileWith("in", data)
	out := fileWith("out", nil)
	try := func(what string, in int, inOff *int64, out int, outOff *int64, n, flags int) {
		rawValue(what, sysCopyFileRange, uintptr(in), uintptr(unsafe.Pointer(inOff)), uintptr(out), uintptr(unsafe.Pointer(outOff)), uintptr(n), uintptr(flags))
	}
	try("copy", in, nil, out, nil, 1000, 0)
	position("in", in)
	position("out", out)
	a, b := int64(40_000), int64(60_000)
	try("at offsets", in, &a, out, &b, 100_000, 0)
	say("offsets", "%d %d", a, b)
	position("in", in)
	try("at the end", in, &a, out, &b, 10, 0)
	got, _ := os.ReadFile("out")
	say("right", "%d %v %v", len(got), bytes.Equal(got[:1000], data[:1000]), bytes.Equal(got[60_000:], data[40_000:]))
	a, b = 0, 500
	try("overlapping", in, &a, in, &b, 1000, 0)
	b = 1000
	try("within the file", in, &a, in, &b, 1000, 0)
	try("flags", in, &a, out, &b, 10, 1)
	try("nothing", in, &a, out, &b, 0, 0)
	a = -1
	try("before the start", in, &a, out, &b, 10, 0)
	ro, _ := syscall.Open("in", syscall.O_RDONLY, 0)
	ap, _ := syscall.Open("out", syscall.O_WRONLY|syscall.O_APPEND, 0)
	dir, _ := syscall.Open(".", syscall.O_RDONLY, 0)
	r, w := pipe(0)
	try("to one for reading", in, nil, ro, nil, 10, 0)
	try("to one that appends", in, nil, ap, nil, 10, 0)
	try("from a directory", dir, nil, out, nil, 10, 0)
	try("to a pipe", in, nil, w, nil, 10, 0)
	try("from a pipe", r, nil, out, nil, 10, 0)
	try("no descriptor", 999, nil, out, nil, 10, 0)
	raw("wild", sysCopyFileRange, uintptr(in), wild, uintptr(out), 0, 10, 0)
}
