package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

func init() {
	areas["socketcalls"] = socketCalls
	areas["udp"] = udp
	areas["sockopts"] = sockopts
}

const (
	msgMore        = 0x8000
	msgErrqueue    = 0x2000
	msgWaitForOne  = 0x10000
	msgCmsgCloexec = 0x40000000
	solUDP         = 17
	udpSegment     = 103
	udpGRO         = 104
)

type sockaddr4 struct {
	family uint16
	port   [2]byte
	addr   [4]byte
	zero   [8]byte
}

type sockaddr6 struct {
	family uint16
	port   [2]byte
	flow   uint32
	addr   [16]byte
	scope  uint32
}

func addr4(a, b, c, d byte, port int) *sockaddr4 {
	s := &sockaddr4{family: syscall.AF_INET, port: [2]byte{byte(port >> 8), byte(port)}, addr: [4]byte{a, b, c, d}}
	keptAddrs = append(keptAddrs, s)
	return s
}

func addr6(last byte, port int) *sockaddr6 {
	s := &sockaddr6{family: syscall.AF_INET6, port: [2]byte{byte(port >> 8), byte(port)}}
	s.addr[15] = last
	keptAddrs = append(keptAddrs, s)
	return s
}

func mapped4(a, b, c, d byte, port int) *sockaddr6 {
	s := addr6(d, port)
	s.addr[10], s.addr[11], s.addr[12], s.addr[13], s.addr[14] = 0xff, 0xff, a, b, c
	return s
}

func (s *sockaddr4) ptr() uintptr { return uintptr(unsafe.Pointer(s)) }
func (s *sockaddr6) ptr() uintptr { return uintptr(unsafe.Pointer(s)) }

// socket makes one or ends the program.
func socket(family, kind, proto int) uintptr {
	fd, err := syscall.Socket(family, kind, proto)
	must(err)
	return uintptr(fd)
}

// portOf is the local port of a socket.
func portOf(fd uintptr) int {
	b, n := newBuffer(), new32()
	*n = 128
	_, e := call(syscall.SYS_GETSOCKNAME, fd, uintptr(unsafe.Pointer(b)), uintptr(unsafe.Pointer(n)))
	if e != 0 {
		return -1
	}
	return int(b[2])<<8 | int(b[3])
}

// named prints a socket's name without its port.
func named(what string, number, fd uintptr) {
	b, n := newBuffer(), new32()
	*n = 128
	_, e := call(number, fd, uintptr(unsafe.Pointer(b)), uintptr(unsafe.Pointer(n)))
	if e != 0 {
		say(what, "%s", errno(e))
		return
	}
	has := b[2] != 0 || b[3] != 0
	b[2], b[3] = 0, 0
	say(what, "length %d, %x, a port %v", *n, b[:*n], has)
}

func socketCalls() {
	kinds := []struct {
		name                string
		family, kind, proto int
	}{
		{"no family", 0, 1, 0}, {"family 45", 45, 1, 0}, {"family 46", 46, 1, 0}, {"family -1", -1, 1, 0},
		{"family 1000", 1000, 1, 0}, {"type 0", 2, 0, 0}, {"type 4", 2, 4, 0}, {"type 5", 2, 5, 0}, {"type 6", 2, 6, 0},
		{"type 11", 2, 11, 0}, {"type 15", 2, 15, 0}, {"type 16", 2, 17, 0}, {"unknown flag", 2, 1 | 0x1000, 0},
		{"udp as stream", 2, 1, 17}, {"tcp as datagram", 2, 2, 6}, {"stream 1000", 2, 1, 1000}, {"stream 262 over", 2, 1, 263},
		{"stream -1", 2, 1, -1}, {"datagram 255", 2, 2, 255}, {"raw 0", 2, 3, 0}, {"raw 256", 2, 3, 256}, {"raw 300", 2, 3, 300},
		{"raw6 0", 10, 3, 0}, {"six type 5", 10, 5, 0}, {"six udp as stream", 10, 1, 17}, {"six stream -1", 10, 1, -1},
		{"six ping of four", 10, 2, 1}, {"ping of six", 2, 2, 58},
		{"udp", 2, 2, 0}, {"udp 17", 2, 2, 17}, {"tcp", 2, 1, 0}, {"tcp 6", 2, 1, 6}, {"udp6", 10, 2, 0}, {"tcp6", 10, 1, 6},
		{"raw udp", 2, 3, 17}, {"raw icmp", 2, 3, 1}, {"raw 255", 2, 3, 255}, {"raw6 icmp", 10, 3, 58},
		{"nonblocking", 2, 2 | syscall.SOCK_NONBLOCK, 0}, {"close on exec", 2, 2 | syscall.SOCK_CLOEXEC, 0},
	}
	for _, k := range kinds {
		v, e := call(syscall.SYS_SOCKET, uintptr(k.family), uintptr(k.kind), uintptr(k.proto))
		if e != 0 {
			say("socket "+k.name, "%s", errno(e))
			continue
		}
		fl, _ := call(syscall.SYS_FCNTL, v, syscall.F_GETFL)
		fd, _ := call(syscall.SYS_FCNTL, v, syscall.F_GETFD)
		say("socket "+k.name, "flags %#x, descriptor flags %d", fl, fd)
		syscall.Close(int(v))
	}

	var st syscall.Stat_t
	s := socket(2, 2, 0)
	must(syscall.Fstat(int(s), &st))
	say("fstat", "mode %o, size %d, links %d, rdev %d", st.Mode, st.Size, st.Nlink, st.Rdev)
	rawValue("lseek", syscall.SYS_LSEEK, s, 0, 0)
	rawValue("pread", syscall.SYS_PREAD64, s, wild, 0, 0)
	rawValue("fsync", syscall.SYS_FSYNC, s)
	rawValue("ftruncate", syscall.SYS_FTRUNCATE, s, 0)
	rawValue("getdents", syscall.SYS_GETDENTS64, s, wild, 100)
	rawValue("mmap", syscall.SYS_MMAP, 0, 4096, 1, 2, s, 0)

	p := uintptr(unsafe.Pointer(newBuffer()))
	raw("socketpair of udp", syscall.SYS_SOCKETPAIR, 2, 2, 0, p)
	raw("socketpair of family 45", syscall.SYS_SOCKETPAIR, 45, 2, 0, p)
	raw("socketpair, unknown flag", syscall.SYS_SOCKETPAIR, 1, 1|0x1000, 0, p)

	// Calls on what is no socket, and on no descriptor.
	f, err := syscall.Open("/dev/null", syscall.O_RDWR, 0)
	must(err)
	a := addr4(127, 0, 0, 1, 0)
	n32 := new32()
	*n32 = 16
	np := uintptr(unsafe.Pointer(n32))
	bp := uintptr(unsafe.Pointer(newBuffer()))
	for _, w := range []struct {
		name string
		fd   uintptr
	}{{"a file", uintptr(f)}, {"a closed one", 999}} {
		fd := w.fd
		raw("bind "+w.name, syscall.SYS_BIND, fd, a.ptr(), 16)
		raw("connect "+w.name, syscall.SYS_CONNECT, fd, a.ptr(), 16)
		raw("listen "+w.name, syscall.SYS_LISTEN, fd, 1)
		raw("accept "+w.name, syscall.SYS_ACCEPT, fd, 0, 0)
		raw("accept4 "+w.name, syscall.SYS_ACCEPT4, fd, 0, 0, 0)
		raw("accept4 flags "+w.name, syscall.SYS_ACCEPT4, fd, 0, 0, 1)
		raw("getsockname "+w.name, syscall.SYS_GETSOCKNAME, fd, bp, np)
		raw("getpeername "+w.name, syscall.SYS_GETPEERNAME, fd, bp, np)
		raw("shutdown "+w.name, syscall.SYS_SHUTDOWN, fd, 0)
		raw("sendto "+w.name, syscall.SYS_SENDTO, fd, bp, 1, 0, 0, 0)
		raw("sendto wild "+w.name, syscall.SYS_SENDTO, fd, 1<<63, 1, 0, 0, 0)
		raw("recvfrom "+w.name, syscall.SYS_RECVFROM, fd, bp, 1, 0, 0, 0)
		raw("sendmsg "+w.name, syscall.SYS_SENDMSG, fd, wild, 0)
		raw("recvmsg "+w.name, syscall.SYS_RECVMSG, fd, wild, 0)
		raw("sendmmsg "+w.name, 307, fd, wild, 1, 0)
		raw("recvmmsg "+w.name, 299, fd, wild, 1, 0, 0)
		raw("setsockopt "+w.name, syscall.SYS_SETSOCKOPT, fd, 1, 2, np, 4)
		raw("setsockopt length "+w.name, syscall.SYS_SETSOCKOPT, fd, 1, 2, np, at(-1))
		raw("getsockopt "+w.name, syscall.SYS_GETSOCKOPT, fd, 1, 2, bp, np)
	}

	// Names: too short, too long, wild, of the wrong family.
	for _, family := range []int{2, 10} {
		for _, kind := range []int{2, 1} {
			s := socket(family, kind, 0)
			t := fmt.Sprintf("%d/%d ", family, kind)
			raw(t+"bind nothing", syscall.SYS_BIND, s, 0, 0)
			raw(t+"bind length -1", syscall.SYS_BIND, s, a.ptr(), at(-1))
			raw(t+"bind length 129", syscall.SYS_BIND, s, bp, 129)
			raw(t+"bind length 2", syscall.SYS_BIND, s, a.ptr(), 2)
			raw(t+"bind length 15", syscall.SYS_BIND, s, a.ptr(), 15)
			raw(t+"bind wild", syscall.SYS_BIND, s, wild, 16)
			raw(t+"bind wild 28", syscall.SYS_BIND, s, wild, 28)
			unix := addr4(0, 0, 0, 0, 0)
			unix.family = 1
			raw(t+"bind to a name of unix", syscall.SYS_BIND, s, unix.ptr(), 16)
			unix6 := addr6(0, 0)
			unix6.family = 1
			raw(t+"bind to a long name of unix", syscall.SYS_BIND, s, unix6.ptr(), 28)
			no := addr4(127, 0, 0, 1, 0)
			no.family = 0
			raw(t+"bind to no family", syscall.SYS_BIND, s, no.ptr(), 16)
			other := addr4(8, 8, 8, 8, 0)
			raw(t+"bind to a stranger", syscall.SYS_BIND, s, other.ptr(), 16)
			other6 := addr6(9, 0)
			other6.addr[0] = 0x20
			raw(t+"bind to a stranger6", syscall.SYS_BIND, s, other6.ptr(), 28)
			ll := addr6(9, 0)
			ll.addr[0], ll.addr[1] = 0xfe, 0x80
			raw(t+"bind link-local, no interface", syscall.SYS_BIND, s, ll.ptr(), 28)
			raw(t+"connect nothing", syscall.SYS_CONNECT, s, 0, 0)
			raw(t+"connect length 1", syscall.SYS_CONNECT, s, a.ptr(), 1)
			raw(t+"connect length 3", syscall.SYS_CONNECT, s, a.ptr(), 3)
			raw(t+"connect length -1", syscall.SYS_CONNECT, s, a.ptr(), at(-1))
			raw(t+"connect wild", syscall.SYS_CONNECT, s, wild, 16)
			raw(t+"connect unix", syscall.SYS_CONNECT, s, unix6.ptr(), 28)
			raw(t+"connect link-local, no interface", syscall.SYS_CONNECT, s, ll.ptr(), 28)
			named(t+"getsockname", syscall.SYS_GETSOCKNAME, s)
			named(t+"getpeername", syscall.SYS_GETPEERNAME, s)
			raw(t+"getsockname length wild", syscall.SYS_GETSOCKNAME, s, bp, wild)
			raw(t+"getsockname wild", syscall.SYS_GETSOCKNAME, s, wild, np)
			*n32 = ^uint32(0)
			raw(t+"getsockname length -1", syscall.SYS_GETSOCKNAME, s, bp, np)
			*n32 = 4
			raw(t+"getsockname length 4", syscall.SYS_GETSOCKNAME, s, bp, np)
			say(t+"getsockname length 4", "then %d", *n32)
			*n32 = 0
			raw(t+"getsockname length 0", syscall.SYS_GETSOCKNAME, s, wild, np)
			say(t+"getsockname length 0", "then %d", *n32)
			raw(t+"shutdown 3", syscall.SYS_SHUTDOWN, s, 3)
			raw(t+"shutdown -1", syscall.SYS_SHUTDOWN, s, at(-1))
			raw(t+"shutdown 2", syscall.SYS_SHUTDOWN, s, 2)
			if kind == 2 {
				raw(t+"listen", syscall.SYS_LISTEN, s, 1)
			}
			raw(t+"accept", syscall.SYS_ACCEPT, s, 0, 0)
			raw(t+"accept4 flags", syscall.SYS_ACCEPT4, s, 0, 0, 1)
			syscall.Close(int(s))
		}
	}

	// Which sockets may have the same port?
	conflicts := []struct {
		name          string
		kind          int
		first, second func(port int) (family int, addr uintptr, length uintptr)
		options       int // 1: SO_REUSEADDR on both, 2: SO_REUSEPORT on both, 4: the second is V6ONLY, 8: first V6ONLY
	}{}
	any4 := func(p int) (int, uintptr, uintptr) { return 2, ptrOf(addr4(0, 0, 0, 0, p)), 16 }
	lo4 := func(p int) (int, uintptr, uintptr) { return 2, ptrOf(addr4(127, 0, 0, 1, p)), 16 }
	lo42 := func(p int) (int, uintptr, uintptr) { return 2, ptrOf(addr4(127, 0, 0, 2, p)), 16 }
	any6 := func(p int) (int, uintptr, uintptr) { return 10, ptrOf(addr6(0, p)), 28 }
	lo6 := func(p int) (int, uintptr, uintptr) { return 10, ptrOf(addr6(1, p)), 28 }
	map4 := func(p int) (int, uintptr, uintptr) { return 10, ptrOf(mapped4(127, 0, 0, 1, p)), 28 }
	mapAny := func(p int) (int, uintptr, uintptr) { return 10, ptrOf(mapped4(0, 0, 0, 0, p)), 28 }
	type maker = func(int) (int, uintptr, uintptr)
	makers := []struct {
		name string
		f    maker
	}{{"any4", any4}, {"lo4", lo4}, {"lo4.2", lo42}, {"any6", any6}, {"lo6", lo6}, {"map4", map4}, {"mapany", mapAny}}
	for _, kind := range []int{2, 1} {
		for _, m1 := range makers {
			for _, m2 := range makers {
				for o := 0; o < 16; o++ {
					conflicts = append(conflicts, struct {
						name          string
						kind          int
						first, second func(port int) (int, uintptr, uintptr)
						options       int
					}{fmt.Sprintf("%d: %s and %s, options %d", kind, m1.name, m2.name, o), kind, m1.f, m2.f, o})
				}
			}
		}
	}
	port := 10000 + os.Getpid()%10000
	for _, c := range conflicts {
		port = unusedPort(port + 1)
		f1, a1, l1 := c.first(port)
		s1 := socket(f1, c.kind, 0)
		set := func(s uintptr, level, name int) { syscall.SetsockoptInt(int(s), level, name, 1) }
		if c.options&1 != 0 {
			set(s1, 1, syscall.SO_REUSEADDR)
		}
		if c.options&2 != 0 {
			set(s1, 1, 15)
		}
		if c.options&8 != 0 && f1 == 10 {
			set(s1, 41, syscall.IPV6_V6ONLY)
		}
		_, e := call(syscall.SYS_BIND, s1, a1, l1)
		if e != 0 {
			say(c.name, "first %s", errno(e))
			syscall.Close(int(s1))
			continue
		}
		f2, a2, l2 := c.second(port)
		s2 := socket(f2, c.kind, 0)
		if c.options&1 != 0 {
			set(s2, 1, syscall.SO_REUSEADDR)
		}
		if c.options&2 != 0 {
			set(s2, 1, 15)
		}
		if c.options&4 != 0 && f2 == 10 {
			set(s2, 41, syscall.IPV6_V6ONLY)
		}
		_, e = call(syscall.SYS_BIND, s2, a2, l2)
		text := errno(e)
		if e == 0 && c.kind == 1 {
			_, e1 := call(syscall.SYS_LISTEN, s1, 1)
			_, e2 := call(syscall.SYS_LISTEN, s2, 1)
			text = fmt.Sprintf("ok, listen %s and %s", errno(e1), errno(e2))
		}
		say(c.name, "%s", text)
		syscall.Close(int(s1))
		syscall.Close(int(s2))
	}
}

// unusedPort is the first one from port on that no socket of the system has. Natively others run beside us: the ports
// that they are given begin at 32768.
func unusedPort(port int) int {
	for ; ; port++ {
		free := true
		for _, kind := range []int{1, 2} {
			s := socket(10, kind, 0)
			_, e := call(syscall.SYS_BIND, s, ptrOf(addr6(0, port)), 28)
			free = free && e == 0
			syscall.Close(int(s))
		}
		if free {
			return port
		}
	}
}

var keptAddrs []any

func ptrOf(a interface{ ptr() uintptr }) uintptr { return a.ptr() }

// Memory that raw calls are given by number must not move, as goroutine stacks do.
func newBuffer() *[70000]byte { b := new([70000]byte); keptAddrs = append(keptAddrs, b); return b }
func new32() *uint32          { n := new(uint32); keptAddrs = append(keptAddrs, n); return n }

// pollOf shows what holds for fd now.
func pollOf(fd uintptr) string {
	p := newBuffer()
	*(*int32)(unsafe.Pointer(p)) = int32(fd)
	*(*int16)(unsafe.Pointer(&p[4])) = 0x7fdf
	call(syscall.SYS_POLL, uintptr(unsafe.Pointer(p)), 1, 0)
	return fmt.Sprintf("%#x", *(*int16)(unsafe.Pointer(&p[6])))
}
