// Package netstack is a TCP/IP stack of which every layer is written in Go: gVisor's, on the raw
// Ethernet frames of an AF_PACKET socket.
//
// In a machine, the kernel's own stack leaves an interface alone if the command line says so, with
// the word net=eth1:raw. A program then opens the interface here:
//
//	s, err := netstack.Open(netstack.Config{Interface: "eth1"})
//	...
//	l, err := s.Listen("tcp", ":80")
//	http.Serve(l, handler)
//
// The package works on Linux as well (it needs CAP_NET_RAW), on an interface that has no addresses
// there: otherwise Linux answers the same frames.
package netstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// Config says which interface to use and how.
type Config struct {
	// Interface is the name of the interface, for instance "eth1". It is brought up if it is not.
	Interface string

	// Addresses are the interface's addresses with the lengths of their prefixes. If there is no
	// IPv4 address among them, and NoDHCP is not set, one is asked for by DHCP.
	Addresses []netip.Prefix

	// Gateways are routers for everything that is not on the link, at most one of each family.
	// None: those that DHCP tells.
	Gateways []netip.Addr

	// DNS are name servers for the resolver. None: those that DHCP tells.
	DNS []netip.Addr

	// Hostname is sent to the DHCP server, if it is not empty.
	Hostname string

	// NoDHCP leaves the interface without an IPv4 address if Addresses has none.
	NoDHCP bool

	// DHCPTimeout bounds the wait for a lease. 0: ten seconds.
	DHCPTimeout time.Duration
}

// Stack is a network stack on one interface. Its methods may be called by any goroutine.
type Stack struct {
	stack *stack.Stack
	link  *link
	stop  chan struct{} // closed by Close
	done  sync.WaitGroup
	once  sync.Once

	mu  sync.Mutex // guards what DHCP may change
	dns []netip.Addr
}

// The stack's only interface.
const nic tcpip.NICID = 1

// Open starts a stack on an interface. With DHCP it returns when there is a lease.
func Open(config Config) (*Stack, error) {
	l, err := openLink(config.Interface)
	if err != nil {
		return nil, err
	}
	s := &Stack{
		stack: stack.New(stack.Options{
			NetworkProtocols: []stack.NetworkProtocolFactory{
				arp.NewProtocol, ipv4.NewProtocol,
				ipv6.NewProtocolWithOptions(ipv6.Options{AutoGenLinkLocal: true}),
			},
			TransportProtocols: []stack.TransportProtocolFactory{
				tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6,
			},
		}),
		link: l,
		stop: make(chan struct{}),
		dns:  append([]netip.Addr(nil), config.DNS...),
	}
	if err := s.configure(config); err != nil {
		s.Close()
		return nil, fmt.Errorf("netstack: %s: %w", config.Interface, err)
	}
	return s, nil
}

func (s *Stack) configure(config Config) error {
	sack := tcpip.TCPSACKEnabled(true)
	s.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)
	grow := tcpip.TCPModerateReceiveBufferOption(true)
	s.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &grow)
	cubic := tcpip.CongestionControlOption("cubic")
	s.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &cubic)
	if err := s.stack.CreateNICWithOptions(nic, s.link, stack.NICOptions{Name: config.Interface}); err != nil {
		return errors.New(err.String())
	}
	s.stack.AddRoute(tcpip.Route{Destination: header.IPv6LinkLocalPrefix.Subnet(), NIC: nic})
	has4 := false
	for _, p := range config.Addresses {
		if err := s.addAddress(p); err != nil {
			return err
		}
		has4 = has4 || p.Addr().Unmap().Is4()
	}
	for _, g := range config.Gateways {
		s.addGateway(g)
	}
	if has4 || config.NoDHCP {
		return nil
	}
	return s.startDHCP(config)
}

func protocolOf(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

// addAddress gives the interface an address, and a route to its prefix.
func (s *Stack) addAddress(p netip.Prefix) error {
	a := p.Addr().Unmap()
	bits := p.Bits()
	if a != p.Addr() {
		bits -= 96
	}
	p = netip.PrefixFrom(a, bits)
	if !p.IsValid() {
		return fmt.Errorf("bad address %v", p)
	}
	err := s.stack.AddProtocolAddress(nic, tcpip.ProtocolAddress{
		Protocol:          protocolOf(a),
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: toAddress(a), PrefixLen: bits},
	}, stack.AddressProperties{})
	if err != nil {
		return fmt.Errorf("address %v: %s", p, err)
	}
	net := tcpip.AddressWithPrefix{Address: toAddress(p.Masked().Addr()), PrefixLen: bits}.Subnet()
	s.stack.AddRoute(tcpip.Route{Destination: net, NIC: nic})
	return nil
}

// removeAddress undoes addAddress and forgets the routers of its family.
func (s *Stack) removeAddress(p netip.Prefix) {
	s.stack.RemoveAddress(nic, toAddress(p.Addr()))
	is4 := p.Addr().Is4()
	s.stack.RemoveRoutes(func(r tcpip.Route) bool { return (r.Destination.ID().BitLen() == 32) == is4 })
}

func (s *Stack) addGateway(g netip.Addr) {
	g = g.Unmap()
	all := tcpip.AddressWithPrefix{Address: toAddress(g), PrefixLen: 0}.Subnet()
	s.stack.AddRoute(tcpip.Route{Destination: all, Gateway: toAddress(g), NIC: nic})
}

// Close ends the stack: connections are cut, listeners and pending calls fail.
func (s *Stack) Close() error {
	s.once.Do(func() {
		close(s.stop)
		s.done.Wait()
		s.stack.Close()
		s.stack.RemoveNIC(nic) // closes the link
		s.link.Close()
		s.link.Wait()
		s.stack.Wait()
	})
	return nil
}

// HardwareAddr is the interface's Ethernet address.
func (s *Stack) HardwareAddr() net.HardwareAddr {
	return net.HardwareAddr(s.link.LinkAddress())
}

// Addresses are the interface's addresses, those of DHCP and the link-local ones included.
func (s *Stack) Addresses() []netip.Prefix {
	var out []netip.Prefix
	for _, a := range s.stack.AllAddresses()[nic] {
		address := a.AddressWithPrefix.Address
		if (a.Protocol == ipv4.ProtocolNumber || a.Protocol == ipv6.ProtocolNumber) && address != header.IPv4Broadcast {
			out = append(out, netip.PrefixFrom(fromAddress(a.AddressWithPrefix.Address), a.AddressWithPrefix.PrefixLen))
		}
	}
	return out
}

// DNS are the name servers that the resolver asks.
func (s *Stack) DNS() []netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]netip.Addr(nil), s.dns...)
}

// Resolver looks names up by way of this stack.
func (s *Stack) Resolver() *net.Resolver {
	return &net.Resolver{
		PreferGo: true,
		// The address is of the resolv.conf of whoever runs us: it is not ours.
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			err := error(&net.DNSError{Err: "no name servers are known"})
			for _, a := range s.DNS() {
				var c net.Conn
				if c, err = s.DialContext(ctx, network, netip.AddrPortFrom(a, 53).String()); err == nil {
					return c, nil
				}
			}
			return nil, err
		},
	}
}

// Gvisor is the stack underneath, for what this package does not offer.
func (s *Stack) Gvisor() *stack.Stack { return s.stack }

func toAddress(a netip.Addr) tcpip.Address { return tcpip.AddrFromSlice(a.AsSlice()) }

func fromAddress(a tcpip.Address) netip.Addr {
	b, _ := netip.AddrFromSlice(a.AsSlice())
	return b
}
