package main

import (
	"fmt"
	"syscall"
	"unsafe"
)

// sockopts tries every number of every level with lengths that are too short and with values.
func sockopts() {
	type kind struct {
		name                string
		family, kind, proto int
	}
	kinds := []kind{{"udp4", 2, 2, 0}, {"udp6", 10, 2, 0}, {"tcp4", 2, 1, 0}, {"tcp6", 10, 1, 0}, {"raw4", 2, 3, 17}, {"icmp4", 2, 3, 1}, {"icmp6", 10, 3, 58}}
	levels := []struct {
		level, first, last int
		skip               map[int]bool
	}{
		// Not compared: what a kernel may be built without, or that shows the machine.
		{1, 1, 30, map[int]bool{26: true, 27: true, 1: true, 18: true}},
		{1, 32, 75, map[int]bool{41: true, 43: true, 44: true, 45: true, 46: true, 50: true, 51: true, 52: true, 55: true, 56: true,
			48: true, 57: true, 60: true, 61: true, 65: true, 42: true, 18: true, 68: true, 69: true, 70: true, 71: true, 73: true, 74: true, 75: true, 37: true, 49: true, 47: true, 62: true, 59: true}},
		{0, 1, 52, map[int]bool{5: true, 7: true, 9: true, 16: true, 17: true, 18: true, 21: true, 23: true, 25: true, 26: true, 41: true, 48: true, 51: true}},
		{41, 7, 78, map[int]bool{7: true, 9: true, 8: true, 22: true, 27: true, 28: true, 30: true, 31: true, 32: true, 33: true, 34: true, 35: true, 48: true, 50: true,
			53: true, 54: true, 55: true, 56: true, 57: true, 58: true, 59: true, 60: true, 17: true, 42: true, 43: true, 44: true, 45: true, 46: true, 47: true, 64: true, 65: true, 66: false, 68: true, 69: true, 70: true, 71: true, 72: true, 73: true, 76: true, 77: true}},
		{solUDP, 1, 110, map[int]bool{10: true, 11: true, 100: true}},
		{255, 1, 10, nil},
		{58, 1, 3, nil},
		{3, 0, 3, nil},
	}
	b := newBuffer()
	bp := uintptr(unsafe.Pointer(b))
	n := new32()
	np := uintptr(unsafe.Pointer(n))
	get := func(s uintptr, level, name int, room uint32) string {
		copy(b[:512], make([]byte, 512))
		*n = room
		_, e := call(syscall.SYS_GETSOCKOPT, s, uintptr(level), uintptr(name), bp, np)
		if e != 0 {
			return errno(e)
		}
		return fmt.Sprintf("%d:%x", *n, b[:*n])
	}
	for _, k := range kinds {
		for _, l := range levels {
			if l.level == solUDP && k.kind != 2 {
				continue
			}
			for name := l.first; name <= l.last; name++ {
				if l.skip[name] {
					continue
				}
				s, err := syscall.Socket(k.family, k.kind, k.proto)
				if err != nil {
					continue
				}
				fd := uintptr(s)
				t := fmt.Sprintf("%s %d/%d", k.name, l.level, name)
				text := get(fd, l.level, name, 4) + " " + get(fd, l.level, name, 1) + " " + get(fd, l.level, name, 64)
				say(t+" get", "%s", text)
				known := false
				for _, v := range []int32{0, 1, 2, -1, 300} {
					*(*[4]byte)(unsafe.Pointer(b)) = *(*[4]byte)(intBytes(v))
					_, e := call(syscall.SYS_SETSOCKOPT, fd, uintptr(l.level), uintptr(name), bp, 4)
					text := errno(e)
					if e == 0 {
						known = true
						text += " then " + get(fd, l.level, name, 4)
					}
					say(fmt.Sprintf("%s set %d", t, v), "%s", text)
				}
				for _, length := range []uintptr{0, 1, 3} {
					*b = [70000]byte{1}
					_, e := call(syscall.SYS_SETSOCKOPT, fd, uintptr(l.level), uintptr(name), bp, length)
					say(fmt.Sprintf("%s set %d bytes", t, length), "%s", errno(e))
				}
				if known {
					_, e := call(syscall.SYS_SETSOCKOPT, fd, uintptr(l.level), uintptr(name), wild, 4)
					say(t+" set wild", "%s", errno(e))
				}
				syscall.Close(s)
			}
		}
		s := socket(k.family, k.kind, k.proto)
		say(k.name+" unknown level", "%s", get(s, 77, 1, 4))
		_, e := call(syscall.SYS_SETSOCKOPT, s, 77, 1, bp, 4)
		say(k.name+" unknown level", "%s", errno(e))
		// Times, linger, devices.
		tv := []int64{1, 500000}
		keptAddrs = append(keptAddrs, tv)
		tp := uintptr(unsafe.Pointer(&tv[0]))
		raw(k.name+" RCVTIMEO", syscall.SYS_SETSOCKOPT, s, 1, 20, tp, 16)
		say(k.name+" RCVTIMEO", "%s", get(s, 1, 20, 16))
		raw(k.name+" RCVTIMEO short", syscall.SYS_SETSOCKOPT, s, 1, 20, tp, 15)
		tv[1] = 1000000
		raw(k.name+" SNDTIMEO of a second in microseconds", syscall.SYS_SETSOCKOPT, s, 1, 67, tp, 16)
		tv[0], tv[1] = -1, 0
		raw(k.name+" SNDTIMEO -1", syscall.SYS_SETSOCKOPT, s, 1, 21, tp, 16)
		say(k.name+" SNDTIMEO", "%s", get(s, 1, 21, 16))
		li := []int32{1, 7}
		keptAddrs = append(keptAddrs, li)
		lp := uintptr(unsafe.Pointer(&li[0]))
		raw(k.name+" LINGER", syscall.SYS_SETSOCKOPT, s, 1, 13, lp, 8)
		raw(k.name+" LINGER short", syscall.SYS_SETSOCKOPT, s, 1, 13, lp, 4)
		say(k.name+" LINGER", "%s", get(s, 1, 13, 8))
		li[0] = 0
		raw(k.name+" LINGER off", syscall.SYS_SETSOCKOPT, s, 1, 13, lp, 8)
		say(k.name+" LINGER", "%s", get(s, 1, 13, 8))
		raw(k.name+" BINDTODEVICE nowhere", syscall.SYS_SETSOCKOPT, s, 1, 25, cstring("nowhere0"), 9)
		raw(k.name+" BINDTODEVICE lo", syscall.SYS_SETSOCKOPT, s, 1, 25, cstring("lo"), 3)
		say(k.name+" BINDTODEVICE", "%s", get(s, 1, 25, 16))
		say(k.name+" BINDTODEVICE short", "%s", get(s, 1, 25, 4))
		raw(k.name+" BINDTODEVICE none", syscall.SYS_SETSOCKOPT, s, 1, 25, cstring(""), 0)
		say(k.name+" BINDTODEVICE", "%s", get(s, 1, 25, 16))
		v, err := syscall.GetsockoptInt(int(s), 1, 62)
		say(k.name+" BINDTOIFINDEX", "%d %s", v, errno(err))
		result(k.name+" BINDTOIFINDEX 1", syscall.SetsockoptInt(int(s), 1, 62, 1))
		result(k.name+" BINDTOIFINDEX -1", syscall.SetsockoptInt(int(s), 1, 62, -1))
		result(k.name+" BINDTOIFINDEX 9999", syscall.SetsockoptInt(int(s), 1, 62, 9999))
		say(k.name+" PEERNAME", "%s", get(s, 1, 28, 16))
		for _, v := range []int{0, 1, 100, 5000, 100000, 212992, -1} {
			result(fmt.Sprint(k.name, " RCVBUF ", v), syscall.SetsockoptInt(int(s), 1, syscall.SO_RCVBUF, v))
			say(k.name+" RCVBUF", "%s", get(s, 1, syscall.SO_RCVBUF, 4))
			result(fmt.Sprint(k.name, " SNDBUF ", v), syscall.SetsockoptInt(int(s), 1, syscall.SO_SNDBUF, v))
			say(k.name+" SNDBUF", "%s", get(s, 1, syscall.SO_SNDBUF, 4))
		}
		result(k.name+" RCVBUFFORCE", syscall.SetsockoptInt(int(s), 1, syscall.SO_RCVBUFFORCE, 100000000))
		say(k.name+" RCVBUF", "%s", get(s, 1, syscall.SO_RCVBUF, 4))
		*n = ^uint32(0)
		raw(k.name+" getsockopt length -1", syscall.SYS_GETSOCKOPT, s, 1, 2, bp, np)
		raw(k.name+" getsockopt length wild", syscall.SYS_GETSOCKOPT, s, 1, 2, bp, wild)
		*n = 4
		raw(k.name+" getsockopt wild", syscall.SYS_GETSOCKOPT, s, 1, 2, wild, np)
		syscall.Close(int(s))
	}
}
