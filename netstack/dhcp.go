package netstack

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// A DHCPv4 client, RFC 2131, that works with frames and needs no address for it. It renews by
// broadcast, as a client does in the REBINDING state (section 4.4.5): any server may answer.

const (
	dhcpServerPort = 67
	dhcpClientPort = 68
	dhcpMagic      = 0x63825363
	dhcpFixed      = 240 // bytes up to the options, the magic number included
	bootRequest    = 1
	bootReply      = 2

	dhcpDiscover = 1
	dhcpOffer    = 2
	dhcpRequest  = 3
	dhcpAck      = 5
	dhcpNak      = 6
)

// Options, RFC 2132.
const (
	optionMask      = 1
	optionRouter    = 3
	optionDNS       = 6
	optionHostname  = 12
	optionMTU       = 26
	optionRequested = 50
	optionLease     = 51
	optionType      = 53
	optionServer    = 54
	optionWanted    = 55
	optionT1        = 58
	optionEnd       = 255
)

// lease is what a server grants.
type lease struct {
	address  netip.Prefix
	server   netip.Addr
	routers  []netip.Addr
	dns      []netip.Addr
	mtu      uint32
	duration time.Duration // 0: for ever
	renew    time.Duration // T1
}

var errRefused = errors.New("the DHCP server refused the address")

type dhcpClient struct {
	s        *Stack
	hostname string
	answers  chan []byte // messages to port 68, from the link's reader
	xid      uint32
}

// startDHCP waits for a first lease, then keeps it up to date.
func (s *Stack) startDHCP(config Config) error {
	c := &dhcpClient{s: s, hostname: config.Hostname, answers: make(chan []byte, 16)}
	timeout := config.DHCPTimeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	s.link.setTap(c.tap)
	granted, err := c.acquire(time.Now().Add(timeout))
	if err != nil {
		s.link.setTap(nil)
		return err
	}
	if err := c.apply(granted, config); err != nil {
		return err
	}
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		c.keep(granted, config)
	}()
	return nil
}

// apply puts a lease into force. What the program configured itself stays.
func (c *dhcpClient) apply(l *lease, config Config) error {
	if err := c.s.addAddress(l.address); err != nil {
		return err
	}
	has4 := false
	for _, g := range config.Gateways {
		if g.Unmap().Is4() {
			has4 = true
			c.s.addGateway(g)
		}
	}
	if !has4 && len(l.routers) > 0 {
		c.s.addGateway(l.routers[0])
	}
	if l.mtu >= header.IPv4MinimumMTU && l.mtu < c.s.link.MTU() {
		c.s.stack.SetNICMTU(nic, l.mtu)
	}
	if len(config.DNS) == 0 {
		c.s.mu.Lock()
		c.s.dns = l.dns
		c.s.mu.Unlock()
	}
	return nil
}

// keep renews the lease; when it cannot it gives the address up and asks for another.
func (c *dhcpClient) keep(l *lease, config Config) {
	granted := time.Now()
	for l.duration > 0 {
		if !c.sleep(time.Until(granted.Add(l.renew))) {
			return
		}
		next, err := c.renew(l, granted.Add(l.duration))
		if err != nil {
			c.s.removeAddress(l.address)
			for next == nil {
				if next, err = c.acquire(time.Now().Add(time.Minute)); err != nil && !c.sleep(10*time.Second) {
					return
				}
			}
			if c.apply(next, config) != nil {
				return
			}
		}
		l, granted = next, time.Now()
	}
}

// sleep is false when the stack is being closed.
func (c *dhcpClient) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.s.stop:
		return false
	}
}

// acquire goes from INIT to BOUND: discover, offer, request, acknowledgement.
func (c *dhcpClient) acquire(deadline time.Time) (*lease, error) {
	for {
		c.newTransaction()
		m, err := c.exchange(deadline, dhcpOffer, func() error { return c.send(dhcpDiscover, netip.Addr{}, nil) })
		if err != nil {
			return nil, err
		}
		offer := parseLease(m)
		if offer == nil {
			continue
		}
		wanted := offer.address.Addr().As4()
		server := offer.server.As4()
		m, err = c.exchange(deadline, dhcpAck, func() error {
			return c.send(dhcpRequest, netip.Addr{}, options(optionRequested, wanted[:], optionServer, server[:]))
		})
		if errors.Is(err, errRefused) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if l := parseLease(m); l != nil {
			return l, nil
		}
	}
}

// renew asks for more of the same, until the lease is over.
func (c *dhcpClient) renew(l *lease, end time.Time) (*lease, error) {
	c.newTransaction()
	m, err := c.exchange(end, dhcpAck, func() error { return c.send(dhcpRequest, l.address.Addr(), nil) })
	if err != nil {
		return nil, err
	}
	next := parseLease(m)
	if next == nil || next.address != l.address {
		return nil, errRefused
	}
	return next, nil
}

// exchange sends until an answer of the wanted type comes, at growing intervals (section 4.1).
func (c *dhcpClient) exchange(deadline time.Time, want byte, send func() error) ([]byte, error) {
	for wait := time.Second; ; wait *= 2 {
		if wait > 64*time.Second {
			wait = 64 * time.Second
		}
		if err := send(); err != nil {
			return nil, err
		}
		if left := time.Until(deadline); left < wait {
			wait = left
		}
		timer := time.NewTimer(wait)
		for waiting := true; waiting; {
			select {
			case m := <-c.answers:
				if binary.BigEndian.Uint32(m[4:]) != c.xid {
					continue
				}
				switch kind := option(m, optionType); {
				case len(kind) == 1 && kind[0] == want:
					timer.Stop()
					return m, nil
				case len(kind) == 1 && kind[0] == dhcpNak && want == dhcpAck:
					timer.Stop()
					return nil, errRefused
				}
			case <-timer.C:
				waiting = false
			case <-c.s.stop:
				timer.Stop()
				return nil, errors.New("the stack was closed")
			}
		}
		if !time.Now().Before(deadline) {
			return nil, errors.New("no DHCP server answers")
		}
	}
}

func (c *dhcpClient) newTransaction() {
	var b [4]byte
	rand.Read(b[:])
	c.xid = binary.BigEndian.Uint32(b[:])
}

// options encodes pairs of a code and its bytes.
func options(pairs ...any) []byte {
	var out []byte
	for i := 0; i < len(pairs); i += 2 {
		data := pairs[i+1].([]byte)
		out = append(append(out, byte(pairs[i].(int)), byte(len(data))), data...)
	}
	return out
}

// send broadcasts a message. current: the address we have; invalid for none.
func (c *dhcpClient) send(kind byte, current netip.Addr, more []byte) error {
	m := make([]byte, dhcpFixed)
	m[0], m[1], m[2] = bootRequest, 1, header.EthernetAddressSize
	binary.BigEndian.PutUint32(m[4:], c.xid)
	if current.IsValid() {
		copy(m[12:], current.AsSlice())
	} else {
		m[10] = 0x80 // answer by broadcast: we take nothing for ourselves yet
	}
	copy(m[28:], c.s.link.address)
	binary.BigEndian.PutUint32(m[dhcpFixed-4:], dhcpMagic)
	m = append(m, options(optionType, []byte{kind},
		optionWanted, []byte{optionMask, optionRouter, optionDNS, optionMTU, optionLease, optionT1})...)
	m = append(m, more...)
	if c.hostname != "" && len(c.hostname) < 256 {
		m = append(m, options(optionHostname, []byte(c.hostname))...)
	}
	m = append(m, optionEnd)
	err := c.s.link.send(c.frame(m, current))
	if _, full := err.(*tcpip.ErrNoBufferSpace); err == nil || full {
		return nil
	}
	return errors.New(err.String())
}

// frame puts a message into UDP, IPv4 and Ethernet, to everybody.
func (c *dhcpClient) frame(m []byte, current netip.Addr) []byte {
	const headers = header.EthernetMinimumSize + header.IPv4MinimumSize + header.UDPMinimumSize
	f := append(make([]byte, headers), m...)
	header.Ethernet(f).Encode(&header.EthernetFields{
		SrcAddr: c.s.link.address, DstAddr: header.EthernetBroadcastAddress, Type: header.IPv4ProtocolNumber,
	})
	source := header.IPv4Any
	if current.IsValid() {
		source = toAddress(current)
	}
	ip := header.IPv4(f[header.EthernetMinimumSize:])
	ip.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(ip)), TTL: 64, Protocol: uint8(header.UDPProtocolNumber),
		SrcAddr: source, DstAddr: header.IPv4Broadcast,
	})
	ip.SetChecksum(^ip.CalculateChecksum())
	udp := header.UDP(ip.Payload())
	udp.Encode(&header.UDPFields{SrcPort: dhcpClientPort, DstPort: dhcpServerPort, Length: uint16(len(udp))})
	sum := header.PseudoHeaderChecksum(header.UDPProtocolNumber, source, header.IPv4Broadcast, uint16(len(udp)))
	udp.SetChecksum(^udp.CalculateChecksum(checksum.Checksum(udp.Payload(), sum)))
	return f
}

// tap keeps answers to us. It runs in the link's reader.
func (c *dhcpClient) tap(packet []byte) bool {
	ip := header.IPv4(packet)
	if !ip.IsValid(len(packet)) || ip.Protocol() != uint8(header.UDPProtocolNumber) || ip.FragmentOffset() != 0 ||
		ip.More() || len(ip.Payload()) < header.UDPMinimumSize+dhcpFixed {
		return false
	}
	udp := header.UDP(ip.Payload())
	if udp.DestinationPort() != dhcpClientPort || udp.SourcePort() != dhcpServerPort ||
		int(udp.Length()) < header.UDPMinimumSize+dhcpFixed || int(udp.Length()) > len(udp) {
		return false
	}
	m := udp[header.UDPMinimumSize:udp.Length()]
	if m[0] != bootReply || binary.BigEndian.Uint32(m[dhcpFixed-4:]) != dhcpMagic ||
		!bytes.Equal(m[28:28+header.EthernetAddressSize], []byte(c.s.link.address)) {
		return true
	}
	select {
	case c.answers <- append([]byte(nil), m...):
	default: // a flood: the next try will do
	}
	return true
}

// option is an option's data, nil if m does not have it.
func option(m []byte, code byte) []byte {
	for rest := m[dhcpFixed:]; len(rest) > 0 && rest[0] != optionEnd; {
		if rest[0] == 0 { // padding
			rest = rest[1:]
			continue
		}
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			return nil
		}
		if rest[0] == code {
			return rest[2 : 2+rest[1]]
		}
		rest = rest[2+rest[1]:]
	}
	return nil
}

func addresses(data []byte) (out []netip.Addr) {
	for ; len(data) >= 4; data = data[4:] {
		out = append(out, netip.AddrFrom4([4]byte(data)))
	}
	return out
}

func seconds(data []byte) time.Duration {
	if len(data) != 4 {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint32(data)) * time.Second
}

// parseLease reads an offer or an acknowledgement; nil if it makes no sense.
func parseLease(m []byte) *lease {
	l := &lease{
		routers:  addresses(option(m, optionRouter)),
		dns:      addresses(option(m, optionDNS)),
		duration: seconds(option(m, optionLease)),
		renew:    seconds(option(m, optionT1)),
	}
	server := addresses(option(m, optionServer))
	yours := netip.AddrFrom4([4]byte(m[16:20]))
	if len(server) != 1 || yours.IsUnspecified() || yours.IsMulticast() {
		return nil
	}
	l.server = server[0]
	bits := 24
	if mask := option(m, optionMask); len(mask) == 4 {
		for bits = 0; bits < 32 && mask[bits/8]&(0x80>>(bits%8)) != 0; bits++ {
		}
	}
	l.address = netip.PrefixFrom(yours, bits)
	if mtu := option(m, optionMTU); len(mtu) == 2 {
		l.mtu = uint32(binary.BigEndian.Uint16(mtu))
	}
	if l.duration == 0xffffffff*time.Second {
		l.duration = 0 // for ever
	} else if l.duration < 30*time.Second {
		l.duration = 30 * time.Second
	}
	if l.renew == 0 || l.renew >= l.duration {
		l.renew = l.duration / 2
	}
	return l
}
