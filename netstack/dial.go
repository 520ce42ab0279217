package netstack

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
)

// family is what a network's name says of addresses: "tcp" and "udp" mean both.
type family struct {
	transport string // "tcp", "udp"
	ip        string // "ip", "ip4", "ip6": as net.Resolver.LookupNetIP has it
}

func parseNetwork(network string) (family, error) {
	switch network {
	case "tcp", "udp":
		return family{network, "ip"}, nil
	case "tcp4", "udp4":
		return family{network[:3], "ip4"}, nil
	case "tcp6", "udp6":
		return family{network[:3], "ip6"}, nil
	}
	return family{}, net.UnknownNetworkError(network)
}

func (f family) allows(a netip.Addr) bool {
	return f.ip == "ip" || (f.ip == "ip4") == a.Is4()
}

// resolve turns "host:port" into addresses, those of the wanted family, in the resolver's order. An
// empty host is one invalid address: any.
func (s *Stack) resolve(ctx context.Context, f family, address string) ([]netip.Addr, uint16, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		n, err := net.DefaultResolver.LookupPort(ctx, f.transport, service)
		if err != nil {
			return nil, 0, err
		}
		port = uint64(n)
	}
	if host == "" {
		return []netip.Addr{{}}, uint16(port), nil
	}
	var found []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		found = []netip.Addr{a}
	} else if found, err = s.Resolver().LookupNetIP(ctx, f.ip, host); err != nil {
		return nil, 0, err
	}
	var out []netip.Addr
	for _, a := range found {
		if a = a.Unmap().WithZone(""); f.allows(a) { // there is one link only
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, 0, &net.AddrError{Err: "no suitable address", Addr: host}
	}
	return out, uint16(port), nil
}

// full is an address of the stack, and the protocol to use. Any address of both families is one of
// IPv6, which the stack takes IPv4 on as well.
func (f family) full(a netip.Addr, port uint16) (tcpip.FullAddress, tcpip.NetworkProtocolNumber) {
	out := tcpip.FullAddress{Port: port}
	if !a.IsValid() || a.IsUnspecified() {
		if f.ip == "ip4" || a.Is4() {
			return out, ipv4.ProtocolNumber
		}
		return out, ipv6.ProtocolNumber
	}
	out.Addr = toAddress(a)
	if a.IsLinkLocalUnicast() || a.IsMulticast() {
		out.NIC = nic
	}
	return out, protocolOf(a)
}

// local is the address of the stack to announce on, for a transport that the network must be of.
func (s *Stack) local(transport, network, address string) (tcpip.FullAddress, tcpip.NetworkProtocolNumber, error) {
	f, err := parseNetwork(network)
	if err == nil && f.transport != transport {
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return tcpip.FullAddress{}, 0, err
	}
	found, port, err := s.resolve(context.Background(), f, address)
	if err != nil {
		return tcpip.FullAddress{}, 0, err
	}
	full, protocol := f.full(found[0], port)
	return full, protocol, nil
}

// Listen announces on a local address, as net.Listen does: network "tcp", "tcp4" or "tcp6", address
// "host:port" with an empty host for any.
func (s *Stack) Listen(network, address string) (net.Listener, error) {
	full, protocol, err := s.local("tcp", network, address)
	if err == nil {
		var l *gonet.TCPListener
		if l, err = gonet.ListenTCP(s.stack, full, protocol); err == nil {
			return l, nil
		}
	}
	return nil, &net.OpError{Op: "listen", Net: network, Err: err}
}

// ListenPacket announces on a local address, as net.ListenPacket does: network "udp", "udp4" or
// "udp6".
func (s *Stack) ListenPacket(network, address string) (net.PacketConn, error) {
	full, protocol, err := s.local("udp", network, address)
	if err == nil {
		var c *gonet.UDPConn
		if c, err = gonet.DialUDP(s.stack, &full, nil, protocol); err == nil {
			return c, nil
		}
	}
	return nil, &net.OpError{Op: "listen", Net: network, Err: err}
}

// Dial connects to an address, as net.Dial does, for TCP and UDP.
func (s *Stack) Dial(network, address string) (net.Conn, error) {
	return s.DialContext(context.Background(), network, address)
}

// DialContext is Dial with a context, which ends the attempt. It fits http.Transport.DialContext.
// The addresses of a name are tried in turn.
func (s *Stack) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	f, err := parseNetwork(network)
	var found []netip.Addr
	var port uint16
	if err == nil {
		found, port, err = s.resolve(ctx, f, address)
	}
	for _, a := range found {
		if !a.IsValid() {
			err = &net.AddrError{Err: "missing address", Addr: address}
			break
		}
		var c net.Conn
		if c, err = s.dialOne(ctx, f, a, port); err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: err}
}

func (s *Stack) dialOne(ctx context.Context, f family, a netip.Addr, port uint16) (net.Conn, error) {
	full, protocol := f.full(a, port)
	if f.transport == "udp" {
		c, err := gonet.DialUDP(s.stack, nil, &full, protocol)
		if err != nil {
			return nil, err // not a typed nil
		}
		return c, nil
	}
	c, err := gonet.DialContextTCP(ctx, s.stack, full, protocol)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", netip.AddrPortFrom(a, port), err)
	}
	return c, nil
}
