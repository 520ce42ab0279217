// ping sends ICMP echo requests from inside the machine, as ping(8) does: through a datagram socket
// of protocol ICMP, which needs no rights.
//
//	unigornel run ./ping -- -c 3 10.0.2.2    (QEMU, which answers for the host)
//	unigornel run ./ping -- example.com
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"net"
	"os"
	"syscall"
	"time"
)

// RFC 792 and RFC 4443.
const (
	echoReply4, echoRequest4 = 0, 8
	echoRequest6, echoReply6 = 128, 129
	headerLength             = 8 // type, code, checksum, identifier, sequence number
)

// pinger pings one address.
type pinger struct {
	conn           net.PacketConn
	to             *net.UDPAddr // the port means nothing
	request, reply byte
	payload        []byte
	sent, received int
	rtts           []time.Duration
}

// listen opens a ping socket, and a connection of package net around it.
func listen(ip net.IP) (net.PacketConn, error) {
	family, protocol := syscall.AF_INET, syscall.IPPROTO_ICMP
	if ip.To4() == nil {
		family, protocol = syscall.AF_INET6, syscall.IPPROTO_ICMPV6
	}
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "ping")
	defer f.Close() // net has its own copy
	return net.FilePacketConn(f)
}

func newPinger(host string, size int) (*pinger, error) {
	to, err := net.ResolveIPAddr("ip", host)
	if err != nil {
		return nil, err
	}
	c, err := listen(to.IP)
	if err != nil {
		return nil, err
	}
	p := &pinger{conn: c, to: &net.UDPAddr{IP: to.IP, Zone: to.Zone}, request: echoRequest4, reply: echoReply4}
	if to.IP.To4() == nil {
		p.request, p.reply = echoRequest6, echoReply6
	}
	p.payload = make([]byte, size)
	for i := range p.payload {
		p.payload[i] = byte(i)
	}
	return p, nil
}

// ping sends one request and waits for its answer. The kernel fills in the identifier and, for
// IPv6, the checksum; of what arrives it hands over only what answers this socket.
func (p *pinger) ping(sequence int, patience time.Duration) error {
	packet := make([]byte, headerLength+len(p.payload))
	packet[0] = p.request
	binary.BigEndian.PutUint16(packet[6:], uint16(sequence))
	copy(packet[headerLength:], p.payload)
	binary.BigEndian.PutUint16(packet[2:], checksum(packet))
	start := time.Now()
	if _, err := p.conn.WriteTo(packet, p.to); err != nil {
		return err
	}
	p.sent++
	if err := p.conn.SetReadDeadline(start.Add(patience)); err != nil {
		return err
	}
	buf := make([]byte, 65536)
	for {
		n, from, err := p.conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		rtt := time.Since(start)
		if n < headerLength || buf[0] != p.reply || binary.BigEndian.Uint16(buf[6:]) != uint16(sequence) {
			continue // an answer that comes too late
		}
		p.received++
		p.rtts = append(p.rtts, rtt)
		host, _, err := net.SplitHostPort(from.String())
		if err != nil {
			host = from.String()
		}
		fmt.Printf("%d bytes from %s: seq=%d time=%v\n", n, host, sequence, rtt.Round(time.Microsecond))
		return nil
	}
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > math.MaxUint16 {
		sum = sum>>16 + sum&math.MaxUint16
	}
	return ^uint16(sum)
}

func (p *pinger) summary() {
	fmt.Printf("%d sent, %d answered", p.sent, p.received)
	if len(p.rtts) > 0 {
		least, most, sum := p.rtts[0], p.rtts[0], time.Duration(0)
		for _, r := range p.rtts {
			if r < least {
				least = r
			}
			if r > most {
				most = r
			}
			sum += r
		}
		mean := sum / time.Duration(len(p.rtts))
		fmt.Printf(", min/mean/max %v/%v/%v", least.Round(time.Microsecond), mean.Round(time.Microsecond), most.Round(time.Microsecond))
	}
	fmt.Println()
}

func main() {
	count := flag.Int("c", 4, "requests to send")
	interval := flag.Duration("i", time.Second, "time between two requests")
	patience := flag.Duration("W", 2*time.Second, "how long to wait for an answer")
	size := flag.Int("s", 56, "bytes of data")
	flag.Parse()
	if flag.NArg() != 1 || *size < 0 || *size > 65000 {
		fmt.Fprintln(os.Stderr, "usage: ping [flags] HOST")
		flag.PrintDefaults()
		os.Exit(2)
	}
	p, err := newPinger(flag.Arg(0), *size)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("PING %v, %d bytes of data\n", p.to.IP, *size)
	for i := 1; i <= *count; i++ {
		next := time.Now().Add(*interval)
		if err := p.ping(i, *patience); errors.Is(err, os.ErrDeadlineExceeded) {
			fmt.Printf("seq=%d: no answer within %v\n", i, *patience)
		} else if err != nil {
			fmt.Printf("seq=%d: %v\n", i, err)
		}
		if i < *count {
			time.Sleep(time.Until(next))
		}
	}
	p.summary()
	if p.received == 0 {
		os.Exit(1)
	}
}
