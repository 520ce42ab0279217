package main

import (
	"fmt"
	"syscall"
	"unsafe"
)

type msghdr struct {
	name       uintptr
	namelen    uint32
	_          uint32
	iov        uintptr
	iovlen     uint64
	control    uintptr
	controllen uint64
	flags      uint32
	_          uint32
}

type mmsghdr struct {
	hdr msghdr
	len uint32
	_   uint32
}

type iovec struct {
	base uintptr
	len  uint64
}

// bufferMessage is a message of one buffer with room for a name and control data.
type bufferMessage struct {
	hdr     msghdr
	iov     iovec
	buf     [2048]byte
	name    [128]byte
	control [512]byte
}

func newMessage(data string, room int) *bufferMessage {
	m := &bufferMessage{}
	copy(m.buf[:], data)
	m.iov = iovec{uintptr(unsafe.Pointer(&m.buf)), uint64(room)}
	m.hdr.iov = uintptr(unsafe.Pointer(&m.iov))
	m.hdr.iovlen = 1
	keptAddrs = append(keptAddrs, m)
	return m
}

func (m *bufferMessage) withRoom(name uint32, control uint64) *bufferMessage {
	m.hdr.name = uintptr(unsafe.Pointer(&m.name))
	m.hdr.namelen = name
	m.hdr.control = uintptr(unsafe.Pointer(&m.control))
	m.hdr.controllen = control
	return m
}

// withControl gives it control messages to send.
func (m *bufferMessage) withControl(c []byte) *bufferMessage {
	return m.withRoom(0, uint64(copy(m.control[:], c)))
}

func (m *bufferMessage) ptr() uintptr { return uintptr(unsafe.Pointer(&m.hdr)) }

// receive does recvmsg and prints all that came, ports and interface numbers masked.
func recvMessage(what string, fd uintptr, m *bufferMessage, flags uintptr) {
	n, e := call(syscall.SYS_RECVMSG, fd, m.ptr(), flags)
	if e != 0 {
		say(what, "%s", errno(e))
		return
	}
	k := int(n)
	if uint64(k) > m.iov.len {
		k = int(m.iov.len)
	}
	say(what, "%d bytes %.40q, name %d, flags %#x, control %d: %s", n, m.buf[:k], m.hdr.namelen, m.hdr.flags, m.hdr.controllen,
		controlText(m.control[:m.hdr.controllen]))
}

func controlText(b []byte) string {
	text := ""
	for len(b) >= 16 {
		l := *(*uint64)(unsafe.Pointer(&b[0]))
		level, kind := *(*int32)(unsafe.Pointer(&b[8])), *(*int32)(unsafe.Pointer(&b[12]))
		if l < 16 || l > uint64(len(b)) {
			return text + fmt.Sprintf("bad length %d", l)
		}
		data := append([]byte(nil), b[16:l]...)
		if level == 1 && (kind == 29 || kind == 35 || kind == 37) { // times
			data = []byte(fmt.Sprint(len(data), " bytes of time"))
		}
		if (level == 0 && kind == 20 || level == 41 && kind == 74) && len(data) > 4 { // a port
			data[2], data[3] = 0, 0
		}
		if level == 41 && kind == 11 { // the flow label is random
			data[1] &= 0xf0
			data[2], data[3] = 0, 0
		}
		text += fmt.Sprintf("[%d %d %x]", level, kind, data)
		step := (l + 7) &^ 7
		if step > uint64(len(b)) {
			break
		}
		b = b[step:]
	}
	return text
}

// cmsg appends a control message.
func cmsg(b []byte, level, kind int32, data []byte) []byte {
	var h [16]byte
	*(*uint64)(unsafe.Pointer(&h[0])) = uint64(16 + len(data))
	*(*int32)(unsafe.Pointer(&h[8])) = level
	*(*int32)(unsafe.Pointer(&h[12])) = kind
	b = append(append(b, h[:]...), data...)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

func intBytes(v int32) []byte { b := make([]byte, 4); *(*int32)(unsafe.Pointer(&b[0])) = v; return b }
