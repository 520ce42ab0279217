package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// Interfaces as programs see them: netlink, ioctls, raw frames. Only lo is the same everywhere, and
// only frames of a type that nobody else uses.
func init() {
	areas["interfaces"] = interfaces
	areas["netlink"] = netlinkRequests
	areas["ioctls"] = interfaceIoctls
	areas["packet"] = packets
}

const (
	experimental = 0x88b5 // IEEE 802.1: local experimental ethertype
	solPacket    = 263
	solNetlink   = 270
)

func interfaces() {
	all, err := net.Interfaces()
	result("net.Interfaces", err)
	for _, i := range all {
		if i.Name != "lo" {
			continue
		}
		say("lo", "%d %d %q %v", i.Index, i.MTU, i.HardwareAddr, i.Flags&^net.FlagRunning)
		addrs, err := i.Addrs()
		for _, a := range addrs {
			if strings.HasPrefix(a.String(), "127.0.0.1") || a.String() == "::1/128" {
				say("address", "%v %v", a, err)
			}
		}
	}
	_, err = net.InterfaceByName("nonesuch0")
	say("by name", "%v", err)
	_, err = net.InterfaceByIndex(9999)
	say("by index", "%v", err)
	for _, f := range []string{"address", "addr_len", "broadcast", "dev_id", "ifindex", "iflink", "mtu", "operstate", "type", "flags"} {
		b, err := os.ReadFile("/sys/class/net/lo/" + f)
		say(f, "%q %v", b, err)
	}
	for _, f := range []string{"dev", "arp", "route", "tcp", "tcp6", "udp", "udp6", "raw", "unix", "igmp", "sockstat"} {
		b, err := os.ReadFile("/proc/net/" + f)
		head, _, _ := strings.Cut(string(b), "\n")
		if f == "raw" || f == "sockstat" || f == "unix" {
			head = strings.Join(strings.Fields(head)[:1], " ")
		}
		say("/proc/net/"+f, "%q %v", strings.TrimRight(head, " "), err)
	}
	for _, f := range []string{"core/somaxconn", "ipv4/ip_local_port_range", "ipv4/tcp_sack", "ipv4/tcp_timestamps", "ipv4/tcp_window_scaling", "ipv4/tcp_keepalive_time", "ipv4/tcp_fin_timeout"} {
		b, err := os.ReadFile("/proc/sys/net/" + f)
		say(f, "%q %v", b, err)
	}
}

type sockaddrNL struct {
	family, pad uint16
	pid, groups uint32
}

// request sends one netlink message and prints what comes back.
func request(what string, fd int, typ, flags uint16, body ...byte) {
	m := make([]byte, 16+len(body))
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	binary.LittleEndian.PutUint16(m[4:], typ)
	binary.LittleEndian.PutUint16(m[6:], flags|syscall.NLM_F_REQUEST)
	binary.LittleEndian.PutUint32(m[8:], 99)
	copy(m[16:], body)
	err := syscall.Sendto(fd, m, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK})
	if err != nil {
		say(what, "send: %s", errno(err))
		return
	}
	answers(what, fd)
}

func answers(what string, fd int) {
	buf := make([]byte, 65536)
	for n := 0; ; n++ {
		got, _, err := syscall.Recvfrom(fd, buf, syscall.MSG_DONTWAIT)
		if err != nil {
			if n == 0 {
				say(what, "receive: %s", errno(err))
			}
			return
		}
		msgs, err := syscall.ParseNetlinkMessage(buf[:got])
		if err != nil {
			say(what, "%v", err)
		}
		for _, m := range msgs {
			switch m.Header.Type {
			case syscall.NLMSG_ERROR:
				say(what, "error %d, %d bytes, flags %#x, seq %d", int32(binary.LittleEndian.Uint32(m.Data)), m.Header.Len, m.Header.Flags, m.Header.Seq)
			case syscall.NLMSG_DONE:
				say(what, "done, flags %#x", m.Header.Flags)
			case syscall.RTM_NEWLINK:
				if binary.LittleEndian.Uint32(m.Data[4:]) == 1 {
					say(what, "link 1, type %d, flags %#x, message flags %#x", binary.LittleEndian.Uint16(m.Data[2:]), binary.LittleEndian.Uint32(m.Data[8:])&^0x10140, m.Header.Flags)
				}
			case syscall.RTM_NEWADDR:
				if binary.LittleEndian.Uint32(m.Data[4:]) == 1 && m.Data[0] == syscall.AF_INET && m.Data[1] == 8 {
					say(what, "address % x", m.Data[:4])
				}
			case syscall.RTM_NEWROUTE:
				if m.Data[7] == syscall.RTN_LOCAL && m.Data[0] == syscall.AF_INET && m.Data[1] == 8 {
					say(what, "route % x", m.Data[:8])
				}
			default:
				say(what, "type %d", m.Header.Type)
			}
		}
	}
}

func netlinkRequests() {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_ROUTE)
	result("socket", err)
	defer syscall.Close(fd)
	sa, err := syscall.Getsockname(fd)
	say("unbound", "%d %s", sa.(*syscall.SockaddrNetlink).Pid, errno(err))
	result("bind", syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}))
	sa, _ = syscall.Getsockname(fd)
	nl := sa.(*syscall.SockaddrNetlink)
	say("bound", "%v, groups %d", nl.Pid != 0, nl.Groups)
	result("bind to another", syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Pid: nl.Pid + 1}))
	other, _ := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_DGRAM, syscall.NETLINK_ROUTE)
	result("bind to the same", syscall.Bind(other, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Pid: nl.Pid}))
	syscall.Close(other)
	_, err = syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_STREAM, 0)
	result("stream", err)
	_, err = syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, 77)
	result("protocol 77", err)
	_, e := call(syscall.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&sockaddrNL{family: syscall.AF_NETLINK})), 4)
	say("short address", "%s", errno(e))
	_, e = call(syscall.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&sockaddrNL{family: syscall.AF_INET})), 12)
	say("other family", "%s", errno(e))
	result("listen", syscall.Listen(fd, 1))
	result("shutdown", syscall.Shutdown(fd, syscall.SHUT_RDWR))
	buf := make([]byte, 64)
	_, _, err = syscall.Recvfrom(fd, buf, syscall.MSG_DONTWAIT)
	result("nothing to read", err)
	result("send to a port", syscall.Sendto(fd, make([]byte, 16), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Pid: 4000000}))
	result("member of group 0", syscall.SetsockoptInt(fd, solNetlink, syscall.NETLINK_ADD_MEMBERSHIP, 0))
	result("member of group 99999", syscall.SetsockoptInt(fd, solNetlink, syscall.NETLINK_ADD_MEMBERSHIP, 99999))
	result("member of group 1", syscall.SetsockoptInt(fd, solNetlink, syscall.NETLINK_ADD_MEMBERSHIP, 1))
	result("member no more", syscall.SetsockoptInt(fd, solNetlink, syscall.NETLINK_DROP_MEMBERSHIP, 1))
	result("no such option", syscall.SetsockoptInt(fd, solNetlink, 99, 1))
	for _, option := range []int{3, 5, 10, 11, 12} {
		result(fmt.Sprint("set option ", option), syscall.SetsockoptInt(fd, solNetlink, option, 1))
		v, err := syscall.GetsockoptInt(fd, solNetlink, option)
		say("option", "%d %d %s", option, v, errno(err))
		syscall.SetsockoptInt(fd, solNetlink, option, 0)
	}
	v, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_PROTOCOL)
	say("protocol", "%d %s", v, errno(err))

	dump := uint16(syscall.NLM_F_DUMP)
	ack := uint16(syscall.NLM_F_ACK)
	zero := make([]byte, 64)
	request("dump links", fd, syscall.RTM_GETLINK, dump, 0)
	request("dump addresses", fd, syscall.RTM_GETADDR, dump, syscall.AF_INET)
	request("dump all addresses", fd, syscall.RTM_GETADDR, dump, 0)
	request("dump addresses of family 255", fd, syscall.RTM_GETADDR, dump, 255)
	request("dump routes", fd, syscall.RTM_GETROUTE, dump, syscall.AF_INET)
	link := func(index byte, attrs ...byte) []byte {
		return append([]byte{0, 0, 0, 0, index, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, attrs...)
	}
	request("link 1", fd, syscall.RTM_GETLINK, 0, link(1)...)
	request("link 1 with ack", fd, syscall.RTM_GETLINK, ack, link(1)...)
	request("link 250", fd, syscall.RTM_GETLINK, 0, link(250)...)
	request("link lo", fd, syscall.RTM_GETLINK, 0, link(0, 7, 0, 3, 0, 'l', 'o', 0, 0)...)
	request("link none0", fd, syscall.RTM_GETLINK, 0, link(0, 10, 0, 3, 0, 'n', 'o', 'n', 'e', '0', 0)...)
	request("link without a name", fd, syscall.RTM_GETLINK, 0, link(0)...)
	request("short link", fd, syscall.RTM_GETLINK, 0, zero[:4]...)
	request("no such link to change", fd, syscall.RTM_NEWLINK, ack, link(250)...)
	request("address on no link", fd, syscall.RTM_NEWADDR, ack|syscall.NLM_F_CREATE, append([]byte{2, 8, 0, 0, 250, 0, 0, 0}, 8, 0, 2, 0, 10, 99, 99, 1)...)
	request("address without one", fd, syscall.RTM_NEWADDR, ack, 2, 8, 0, 0, 1, 0, 0, 0)
	request("address with a long prefix", fd, syscall.RTM_NEWADDR, ack, append([]byte{2, 33, 0, 0, 1, 0, 0, 0}, 8, 0, 2, 0, 127, 0, 0, 1)...)
	request("address that is there", fd, syscall.RTM_NEWADDR, ack|syscall.NLM_F_CREATE|syscall.NLM_F_EXCL, append([]byte{2, 8, 0, 0, 1, 0, 0, 0}, 8, 0, 2, 0, 127, 0, 0, 1)...)
	request("address that is not there", fd, syscall.RTM_DELADDR, ack, append([]byte{2, 8, 0, 0, 1, 0, 0, 0}, 8, 0, 2, 0, 127, 9, 9, 9)...)
	route := func(bits byte, attrs ...byte) []byte {
		return append([]byte{2, bits, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0}, attrs...)
	}
	request("route not there", fd, syscall.RTM_DELROUTE, ack, route(24, 8, 0, 1, 0, 203, 0, 113, 0)...)
	request("route with bits beyond", fd, syscall.RTM_NEWROUTE, ack|syscall.NLM_F_CREATE, route(24, 8, 0, 1, 0, 203, 0, 113, 1, 8, 0, 4, 0, 1, 0, 0, 0)...)
	request("route over no link", fd, syscall.RTM_NEWROUTE, ack|syscall.NLM_F_CREATE, route(24, 8, 0, 1, 0, 203, 0, 113, 0, 8, 0, 4, 0, 250, 0, 0, 0)...)
	request("route with a long prefix", fd, syscall.RTM_NEWROUTE, ack|syscall.NLM_F_CREATE, route(33, 8, 0, 1, 0, 203, 0, 113, 0, 8, 0, 4, 0, 1, 0, 0, 0)...)
	request("neighbour on no link", fd, syscall.RTM_NEWNEIGH, ack|syscall.NLM_F_CREATE, append([]byte{2, 0, 0, 0, 250, 0, 0, 0, 128, 0, 0, 0}, 8, 0, 1, 0, 203, 0, 113, 1)...)
	request("neighbour not there", fd, syscall.RTM_DELNEIGH, ack, append([]byte{2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 8, 0, 1, 0, 203, 0, 113, 1)...)
	request("nothing", fd, syscall.NLMSG_NOOP, ack)
	request("nothing at all", fd, syscall.NLMSG_NOOP, 0)
	_, err = syscall.Write(fd, zero[:8])
	result("half a header", err)
	answers("half a header", fd)
	zero[0] = 200
	_, err = syscall.Write(fd, zero)
	result("longer than it is", err)
	answers("longer than it is", fd)
}

// ifreq is struct ifreq.
type ifreq struct {
	name [16]byte
	data [24]byte
}

func interfaceIoctls() {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	result("socket", err)
	defer syscall.Close(fd)
	for _, c := range []struct {
		what string
		cmd  uintptr
		n    int
	}{
		{"SIOCGIFADDR", 0x8915, 8}, {"SIOCGIFNETMASK", 0x891b, 8}, {"SIOCGIFBRDADDR", 0x8919, 8},
		{"SIOCGIFDSTADDR", 0x8917, 8}, {"SIOCGIFMTU", 0x8921, 4}, {"SIOCGIFHWADDR", 0x8927, 8},
		{"SIOCGIFINDEX", 0x8933, 4}, {"SIOCGIFTXQLEN", 0x8942, 4}, {"SIOCGIFMETRIC", 0x891d, 4},
		{"SIOCGIFFLAGS", 0x8913, 2}, {"SIOCGIFMAP", 0x8970, 8},
	} {
		for _, name := range []string{"lo", "nonesuch0", ""} {
			var r ifreq
			copy(r.name[:], name)
			_, e := call(syscall.SYS_IOCTL, uintptr(fd), c.cmd, uintptr(unsafe.Pointer(&r)))
			if c.what == "SIOCGIFFLAGS" {
				r.data[1] &= 0xfe // IFF_PROMISC: somebody may be listening
			}
			say(c.what+" "+name, "% x %s", r.data[:c.n], errno(e))
		}
		_, e := call(syscall.SYS_IOCTL, uintptr(fd), c.cmd, 8)
		say(c.what+" nowhere", "%s", errno(e))
	}
	for _, index := range []byte{1, 0, 250} {
		r := ifreq{data: [24]byte{index}}
		_, e := call(syscall.SYS_IOCTL, uintptr(fd), 0x8910, uintptr(unsafe.Pointer(&r)))
		say("SIOCGIFNAME", "%d %q %s", index, strings.TrimRight(string(r.name[:]), "\x00"), errno(e))
	}
	var r ifreq
	copy(r.name[:], "nonesuch0")
	for _, cmd := range []uintptr{0x8914, 0x8916, 0x891c, 0x8922, 0x8924, 0x8923} {
		_, e := call(syscall.SYS_IOCTL, uintptr(fd), cmd, uintptr(unsafe.Pointer(&r)))
		say("change", "%#x %s", cmd, errno(e))
	}
	buf := make([]byte, 4000)
	conf := struct {
		n   int32
		buf uintptr
	}{int32(len(buf)), uintptr(unsafe.Pointer(&buf[0]))}
	_, e := call(syscall.SYS_IOCTL, uintptr(fd), 0x8912, uintptr(unsafe.Pointer(&conf)))
	runtime.KeepAlive(buf)
	say("SIOCGIFCONF", "%v %s % x", conf.n >= 40 && conf.n%40 == 0, errno(e), buf[16:24])
	conf.n = 39
	_, e = call(syscall.SYS_IOCTL, uintptr(fd), 0x8912, uintptr(unsafe.Pointer(&conf)))
	say("SIOCGIFCONF without room", "%d %s", conf.n, errno(e))
	_, e = call(syscall.SYS_IOCTL, uintptr(fd), 0x89fd, uintptr(unsafe.Pointer(&r)))
	say("no such ioctl", "%s", errno(e))
}

func swapped(v uint16) uint16 { return v<<8 | v>>8 }

// frames prints what a packet socket has got.
func frames(what string, fd int) {
	buf, oob := make([]byte, 256), make([]byte, 256)
	for n := 0; ; n++ {
		got, oobn, flags, from, err := syscall.Recvmsg(fd, buf, oob, syscall.MSG_DONTWAIT|syscall.MSG_TRUNC)
		if err != nil {
			say(what, "after %d: %s", n, errno(err))
			return
		}
		l := from.(*syscall.SockaddrLinklayer)
		say(what, "%d bytes, flags %#x: %#x on %d, %d %d %d % x", got, flags, l.Protocol, l.Ifindex, l.Hatype, l.Pkttype, l.Halen, l.Addr)
		if got > len(buf) {
			got = len(buf)
		}
		say(what, "% x, control %d", buf[:got], oobn)
	}
}

func packets() {
	raw, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, int(swapped(experimental)))
	result("raw", err)
	cooked, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM, 0)
	result("cooked", err)
	_, err = syscall.Socket(syscall.AF_PACKET, syscall.SOCK_STREAM, 0)
	result("stream", err)
	defer syscall.Close(raw)
	defer syscall.Close(cooked)
	result("bind to no interface", syscall.Bind(cooked, &syscall.SockaddrLinklayer{Ifindex: 250}))
	_, e := call(syscall.SYS_BIND, uintptr(cooked), uintptr(unsafe.Pointer(&sockaddrNL{family: syscall.AF_PACKET})), 12)
	say("short address", "%s", errno(e))
	for _, fd := range []int{raw, cooked} {
		result("bind", syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: swapped(experimental), Ifindex: 1}))
		sa, err := syscall.Getsockname(fd)
		l := sa.(*syscall.SockaddrLinklayer)
		say("name", "%#x %d %d %d % x %s", l.Protocol, l.Ifindex, l.Hatype, l.Halen, l.Addr, errno(err))
		_, err = syscall.Getpeername(fd)
		result("peer", err)
		result("connect", syscall.Connect(fd, &syscall.SockaddrLinklayer{Ifindex: 1}))
		result("listen", syscall.Listen(fd, 1))
		result("shutdown", syscall.Shutdown(fd, syscall.SHUT_RDWR))
	}
	frame := make([]byte, 64)
	copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5hello")
	lo := &syscall.SockaddrLinklayer{Ifindex: 1, Protocol: swapped(experimental), Halen: 6}
	result("send", syscall.Sendto(raw, frame, 0, lo))
	frames("raw", raw)
	frames("cooked", cooked)
	result("send cooked", syscall.Sendto(cooked, []byte("cooked"), 0, lo))
	frames("raw", raw)
	frames("cooked", cooked)
	_, err = syscall.Write(raw, frame)
	result("write", err)
	_, err = syscall.Write(cooked, frame)
	result("write cooked", err)
	frames("raw", raw)
	frames("cooked", cooked)
	result("send to no interface", syscall.Sendto(raw, frame, 0, &syscall.SockaddrLinklayer{Ifindex: 250}))
	result("send too little", syscall.Sendto(raw, frame[:13], 0, lo))
	result("send nothing", syscall.Sendto(raw, nil, 0, lo))
	result("send too much", syscall.Sendto(raw, make([]byte, 70000), 0, lo))
	big := append(append([]byte{}, frame[:14]...), make([]byte, 20000)...)
	result("send much", syscall.Sendto(raw, big, 0, lo))
	n, _, err := syscall.Recvfrom(raw, make([]byte, 40000), syscall.MSG_DONTWAIT)
	say("much", "%d %s", n, errno(err))
	syscall.Recvfrom(cooked, make([]byte, 10), syscall.MSG_DONTWAIT)

	// tcpdump "ether[14] = 0x68": the frames that begin with h.
	filter := []syscall.SockFilter{{Code: 0x30, K: 14}, {Code: 0x15, Jf: 1, K: 'h'}, {Code: 6, K: 20}, {Code: 6, K: 0}}
	attach := func(what string, f []syscall.SockFilter) {
		p := syscall.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
		_, e := call(syscall.SYS_SETSOCKOPT, uintptr(raw), syscall.SOL_SOCKET, syscall.SO_ATTACH_FILTER, uintptr(unsafe.Pointer(&p)), unsafe.Sizeof(p))
		runtime.KeepAlive(f)
		say(what, "%s", errno(e))
	}
	attach("attach", filter)
	syscall.Sendto(raw, frame, 0, lo)
	frame[14] = 'j'
	syscall.Sendto(raw, frame, 0, lo)
	frames("filtered", raw)
	attach("attach without an end", filter[:2])
	attach("attach a bad instruction", []syscall.SockFilter{{Code: 0xff}, {Code: 6}})
	attach("attach a division by zero", []syscall.SockFilter{{Code: 0x34}, {Code: 6}})
	result("detach", syscall.SetsockoptInt(raw, syscall.SOL_SOCKET, syscall.SO_DETACH_FILTER, 0))
	result("detach again", syscall.SetsockoptInt(raw, syscall.SOL_SOCKET, syscall.SO_DETACH_FILTER, 0))
	frames("cooked", cooked)

	for _, option := range []int{8, 9, 23} { // AUXDATA, ORIGDEV, IGNORE_OUTGOING
		result(fmt.Sprint("set option ", option), syscall.SetsockoptInt(raw, solPacket, option, 1))
		v, err := syscall.GetsockoptInt(raw, solPacket, option)
		say("option", "%d %d %s", option, v, errno(err))
	}
	result("no such option", syscall.SetsockoptInt(raw, solPacket, 99, 1))
	_, err = syscall.GetsockoptInt(raw, solPacket, 99)
	result("no such option to get", err)
	syscall.Sendto(raw, frame, 0, lo)
	frames("with data", raw)
	type mreq struct {
		index     int32
		typ, alen uint16
		addr      [8]byte
	}
	for _, m := range []mreq{{1, 0, 6, [8]byte{1, 2, 3}}, {1, 0, 5, [8]byte{1}}, {1, 9, 6, [8]byte{}}, {250, 1, 0, [8]byte{}}, {1, 2, 0, [8]byte{}}} {
		_, e := call(syscall.SYS_SETSOCKOPT, uintptr(raw), solPacket, 1, uintptr(unsafe.Pointer(&m)), unsafe.Sizeof(m))
		_, d := call(syscall.SYS_SETSOCKOPT, uintptr(raw), solPacket, 2, uintptr(unsafe.Pointer(&m)), unsafe.Sizeof(m))
		_, again := call(syscall.SYS_SETSOCKOPT, uintptr(raw), solPacket, 2, uintptr(unsafe.Pointer(&m)), unsafe.Sizeof(m))
		say("membership", "%d %d: %s, %s, %s", m.index, m.typ, errno(e), errno(d), errno(again))
	}
}
