package net_test

import (
	"bufio"
	"encoding/binary"
	"math/rand"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// sum is the Internet checksum of b, which initial is added to.
func sum(initial uint32, b []byte) uint16 {
	s := initial
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		s += uint32(b[len(b)-1]) << 8
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}

func ethernet(kind uint16, payload []byte) []byte {
	mac, _ := net.ParseMAC(guestMAC)
	f := append(append([]byte{}, mac...), 2, byte(rand.Int()), byte(rand.Int()), byte(rand.Int()), byte(rand.Int()), byte(rand.Int()))
	return append(binary.BigEndian.AppendUint16(f, kind), payload...)
}

// ipv4 is a datagram to the guest; fragment is the field of flags and offset.
func ipv4(source [4]byte, protocol byte, fragment uint16, payload []byte) []byte {
	h := make([]byte, 20, 20+len(payload))
	h[0], h[8], h[9] = 0x45, 64, protocol
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(h[4:], uint16(rand.Int()))
	binary.BigEndian.PutUint16(h[6:], fragment)
	copy(h[12:], source[:])
	copy(h[16:], net.ParseIP(guest4).To4())
	binary.BigEndian.PutUint16(h[10:], sum(0, h))
	return ethernet(0x0800, append(h, payload...))
}

func tcpSYN(source [4]byte, port uint16) []byte {
	p := make([]byte, 20)
	binary.BigEndian.PutUint16(p, uint16(1024+rand.Intn(60000)))
	binary.BigEndian.PutUint16(p[2:], port)
	binary.BigEndian.PutUint32(p[4:], rand.Uint32())
	p[12], p[13] = 5<<4, 2
	binary.BigEndian.PutUint16(p[14:], 65535)
	pseudo := append(append(append([]byte{}, source[:]...), net.ParseIP(guest4).To4()...), 0, 6, 0, 20)
	binary.BigEndian.PutUint16(p[16:], sum(0, append(pseudo, p...)))
	return ipv4(source, 6, 0, p)
}

func stranger() [4]byte {
	return [4]byte{byte(11 + rand.Intn(80)), byte(rand.Int()), byte(rand.Int()), byte(1 + rand.Intn(250))}
}

func neighbour() [4]byte { return [4]byte{10, 79, byte(rand.Int()), byte(3 + rand.Intn(250))} }

func arp() []byte {
	source := neighbour()
	p := append([]byte{0, 1, 8, 0, 6, 4, 0, byte(1 + rand.Intn(2)), 2, 1, source[0], source[1], source[2], source[3]}, source[:]...)
	p = append(p, 0, 0, 0, 0, 0, 0)
	return ethernet(0x0806, append(p, net.ParseIP(guest4).To4()...))
}

func fragment6() []byte {
	payload := make([]byte, 8+1000)
	payload[0] = 17
	binary.BigEndian.PutUint16(payload[2:], uint16(rand.Intn(8)*1000/8*8)|1)
	binary.BigEndian.PutUint32(payload[4:], rand.Uint32())
	h := make([]byte, 40)
	h[0], h[6], h[7] = 0x60, 44, 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
	copy(h[8:], net.ParseIP(host6).To16())
	h[23] = byte(2 + rand.Intn(250))
	copy(h[24:], net.ParseIP(guest6).To16())
	return ethernet(0x86dd, append(h, payload...))
}

var floods = []struct {
	name  string
	frame func(i int) []byte
}{
	{"SYN", func(int) []byte { return tcpSYN(stranger(), 8080) }},
	{"SYN from neighbours", func(int) []byte { return tcpSYN(neighbour(), 8080) }},
	{"ARP", func(int) []byte { return arp() }},
	{"fragments", func(i int) []byte {
		if i%2 == 0 {
			return fragment6()
		}
		return ipv4(stranger(), 17, 0x2000|uint16(rand.Intn(20)*125), make([]byte, 1000))
	}},
	{"port scan", func(i int) []byte { return tcpSYN([4]byte{10, 79, 0, 1}, uint16(i)) }},
	{"UDP to closed ports", func(i int) []byte {
		p := make([]byte, 8+18)
		binary.BigEndian.PutUint16(p, 999)
		binary.BigEndian.PutUint16(p[2:], uint16(20000+i%30000))
		p[5] = byte(len(p))
		return ipv4(stranger(), 17, 0, p)
	}},
}

// Under each flood an open connection is served, and a second after it new ones are.
func TestFloods(t *testing.T) {
	direct(t)
	g := boot(t, "-m", "64M")
	device, err := net.InterfaceByName(tapName)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(raw)
	to := &syscall.SockaddrLinklayer{Ifindex: device.Index}
	c, err := net.Dial("tcp", port(guest4, "8080"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for _, f := range floods {
		f := f
		t.Run(f.name, func(t *testing.T) {
			frames := make([][]byte, 20000) // made before, to be sent as fast as the host can
			for i := range frames {
				frames[i] = f.frame(i)
			}
			var sent int64
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
						if syscall.Sendto(raw, frames[i%len(frames)], 0, to) == nil {
							atomic.AddInt64(&sent, 1)
						}
					}
				}
			}()
			// The tap drops what the machine has no time for, whose frame it is: TCP sends again,
			// ever later, and so may only get through when the flood has ended: up to as long after it
			// as it took (RFC 6298, 5.5).
			length := pick(4*time.Second, time.Minute)
			var worst time.Duration
			asked := make(chan error, 1)
			go func() {
				for {
					begin := time.Now()
					if err := ask(c, r, 3*length+time.Minute); err != nil {
						asked <- err
						return
					}
					if took := time.Since(begin); took > worst {
						worst = took
					}
					select {
					case <-stop:
						asked <- nil
						return
					case <-time.After(50 * time.Millisecond):
					}
				}
			}()
			time.Sleep(length)
			close(stop)
			<-stopped
			begin := time.Now()
			for get("http://"+port(guest4, "8080")+"/", 300*time.Millisecond) != nil {
				if time.Since(begin) > time.Second {
					t.Error("no service a second after the flood")
					break
				}
			}
			back := time.Since(begin)
			if err := <-asked; err != nil {
				t.Fatal("the open connection:", err)
			}
			t.Logf("%d frames; the open connection waited %v at most; new ones served %v after", sent, worst.Round(time.Millisecond), back.Round(time.Millisecond))
		})
	}
	t.Logf("counters afterwards:\n%s", g.file("/proc/net/unigornel"))
}
