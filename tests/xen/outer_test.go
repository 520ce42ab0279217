package xen

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"unigornel/tests/netns"
)

// The outer machine: this network namespace, with a tap that the lab's bridge continues.
const (
	tap            = "xentap"
	outer4, outer6 = "10.77.0.1", "fd00:77::1"
	guest4, guest6 = "10.77.0.2", "fd00:77::2"
	leased4        = "10.77.0.50"
	guestMAC       = "00:16:3e:77:00:02"
	autoconf6      = "fd00:77::216:3eff:fe77:2" // RFC 4291 appendix A
)

// outer makes the tap, for one test at a time.
func outer(t *testing.T) {
	t.Helper()
	// Link-local addresses are there at once: nobody else can have them.
	os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0)
	netns.MustIP(t, "tuntap add "+tap+" mode tap vnet_hdr", "addr add "+outer4+"/24 dev "+tap,
		"addr add "+outer6+"/64 dev "+tap+" nodad", "link set "+tap+" up")
	t.Cleanup(func() { netns.IP("link del " + tap) })
}

func listen(t *testing.T, address string) net.PacketConn {
	t.Helper()
	c := net.ListenConfig{Control: func(network, address string, raw syscall.RawConn) (err error) {
		raw.Control(func(fd uintptr) {
			for _, option := range []int{syscall.SO_REUSEADDR, syscall.SO_BROADCAST} {
				if err == nil {
					err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, 1)
				}
			}
			if err == nil {
				err = syscall.BindToDevice(int(fd), tap)
			}
		})
		return
	}}
	conn, err := c.ListenPacket(context.Background(), "udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// dhcpServer leases leased4 to whoever asks (RFC 2131), and tells which messages it got.
type dhcpServer struct {
	mu   sync.Mutex
	seen []byte
}

func (s *dhcpServer) types() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte{}, s.seen...)
}

func serveDHCP(t *testing.T) *dhcpServer {
	t.Helper()
	s, conn := &dhcpServer{}, listen(t, "0.0.0.0:67")
	go func() {
		b := make([]byte, 1500)
		for {
			n, _, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			answer := s.answer(b[:n])
			if answer != nil {
				conn.WriteTo(answer, &net.UDPAddr{IP: net.IPv4bcast, Port: 68})
			}
		}
	}()
	return s
}

func (s *dhcpServer) answer(request []byte) []byte {
	const discover, offer, ask, ack = 1, 2, 3, 5
	if len(request) < 243 || request[0] != 1 {
		return nil
	}
	kind := byte(0)
	for o := request[240:]; len(o) > 2 && o[0] != 255 && len(o) >= 2+int(o[1]); o = o[2+int(o[1]):] {
		if o[0] == 53 {
			kind = o[2]
		}
	}
	s.mu.Lock()
	s.seen = append(s.seen, kind)
	s.mu.Unlock()
	reply := make([]byte, 240, 300)
	copy(reply, request[:44]) // xid, flags, chaddr
	reply[0] = 2
	copy(reply[16:], net.ParseIP(leased4).To4())
	copy(reply[20:], net.ParseIP(outer4).To4())
	binary.BigEndian.PutUint32(reply[236:], 0x63825363)
	switch kind {
	case discover:
		kind = offer
	case ask:
		kind = ack
	default:
		return nil
	}
	reply = append(reply, 53, 1, kind, 51, 4, 0, 0, 14, 16, 1, 4, 255, 255, 255, 0)
	for _, option := range []byte{54, 3, 6} { // server, router, name server
		reply = append(append(reply, option, 4), net.ParseIP(outer4).To4()...)
	}
	return append(reply, 255)
}

// advertise sends router advertisements with the prefix of outer6 (RFC 4861 section 4.2) until the test ends.
func advertise(t *testing.T) {
	t.Helper()
	i, err := net.InterfaceByName(tap)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_RAW, syscall.IPPROTO_ICMPV6)
	if err != nil {
		t.Fatal(err)
	}
	syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_HOPS, 255)
	syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_IF, i.Index)
	message := []byte{134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, // router for 1800 s
		3, 4, 64, 0xc0, 0, 1, 81, 128, 0, 0, 56, 64, 0, 0, 0, 0} // a prefix, on the link and for addresses
	message = append(message, append(net.ParseIP(outer6)[:8], make([]byte, 8)...)...)
	all := &syscall.SockaddrInet6{ZoneId: uint32(i.Index)}
	copy(all.Addr[:], net.ParseIP("ff02::1"))
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			syscall.Sendto(fd, message, 0, all) // fails until the tap has a link
			select {
			case <-end:
				return
			case <-time.After(time.Second):
			}
		}
	}()
	t.Cleanup(func() {
		close(end)
		<-ended
		syscall.Close(fd)
	})
}
