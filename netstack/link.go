package netstack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// A neighbour on the same host may hand over a segment of up to 64 KiB in one frame.
const maxFrame = 1<<16 + header.EthernetMinimumSize

// link is an Ethernet interface, seen through an AF_PACKET socket: packet(7). It is what gVisor
// calls a link endpoint.
type link struct {
	name    string
	file    *os.File // the socket: Go's poller waits for it
	address tcpip.LinkAddress
	reader  sync.WaitGroup

	mu         sync.RWMutex
	mtu        uint32
	dispatcher stack.NetworkDispatcher
	onClose    func()
	// tap sees each IPv4 packet first and may keep it (DHCP).
	tap func(packet []byte) bool
}

var _ stack.LinkEndpoint = (*link)(nil)
var _ stack.GSOEndpoint = (*link)(nil)

func htons(n uint16) uint16 { return n<<8 | n>>8 }

// openLink makes the socket and brings the interface up.
func openLink(name string) (*link, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("netstack: %s: %w", name, err)
	}
	if len(i.HardwareAddr) != header.EthernetAddressSize {
		return nil, fmt.Errorf("netstack: %s is not an Ethernet interface", name)
	}
	if err := bringUp(name); err != nil {
		return nil, fmt.Errorf("netstack: bringing %s up: %w", name, err)
	}
	// Of no protocol until it is bound, so that nothing of other interfaces comes in.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("netstack: a packet socket: %w", err)
	}
	if err := setUp(fd, i.Index); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("netstack: the packet socket of %s: %w", name, err)
	}
	return &link{
		name:    name,
		file:    os.NewFile(uintptr(fd), "packet:"+name),
		address: tcpip.LinkAddress(i.HardwareAddr),
		mtu:     uint32(i.MTU),
	}, nil
}

func bringUp(name string) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r); err != nil {
		return err
	}
	if r.Uint16()&unix.IFF_UP != 0 {
		return nil
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}

func setUp(fd, index int) error {
	// Frames with a checksum that was left to hardware say so in their auxiliary data.
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return err
	}
	// All multicast: IPv6 neighbour discovery and whatever groups the program joins.
	all := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_ALLMULTI}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &all); err != nil {
		return err
	}
	// Room for a window's worth of segments; the kernel's limit may be lower.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	// What others on this interface send is none of ours. Linux has this since 4.20; without it
	// the type of each frame tells.
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: index})
}

// Attach implements stack.NetworkLinkEndpoint. The first dispatcher starts the reader.
func (l *link) Attach(d stack.NetworkDispatcher) {
	l.mu.Lock()
	start := l.dispatcher == nil && d != nil
	l.dispatcher = d
	l.mu.Unlock()
	if start {
		l.reader.Add(1)
		go func() {
			defer l.reader.Done()
			l.read()
		}()
	}
}

// read delivers frames until the socket is closed or the interface goes away for good.
func (l *link) read() {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return
	}
	frame := make([]byte, maxFrame)
	control := make([]byte, 128)
	for {
		var n, cn int
		var from unix.Sockaddr
		var rerr error
		err := raw.Read(func(fd uintptr) bool {
			n, cn, _, from, rerr = unix.Recvmsg(int(fd), frame, control, 0)
			return !errors.Is(rerr, unix.EAGAIN)
		})
		if err != nil {
			return // closed
		}
		switch {
		case errors.Is(rerr, unix.EINTR), errors.Is(rerr, unix.ENETDOWN), errors.Is(rerr, unix.ENOBUFS):
			continue // ENETDOWN is told once, when the interface goes down
		case rerr != nil:
			return
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if unfinished(control[:cn]) {
			finishChecksum(frame[:n])
		}
		l.deliver(frame[:n])
	}
}

// unfinished reports whether the frame's transport checksum was left to hardware: the frame comes
// from this host, or from a neighbour on the same one, and never was on a wire.
func unfinished(control []byte) bool {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return false
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= 4 {
			// struct tpacket_auxdata starts with tp_status.
			return binary.NativeEndian.Uint32(m.Data)&unix.TP_STATUS_CSUMNOTREADY != 0
		}
	}
	return false
}

// finishChecksum does what the hardware was to do, as the stack verifies all that it gets. Frames
// that it does not understand stay as they are.
func finishChecksum(frame []byte) {
	if len(frame) < header.EthernetMinimumSize {
		return
	}
	packet := frame[header.EthernetMinimumSize:]
	var protocol tcpip.TransportProtocolNumber
	var source, destination tcpip.Address
	var segment []byte
	switch header.Ethernet(frame).Type() {
	case header.IPv4ProtocolNumber:
		ip := header.IPv4(packet)
		if !ip.IsValid(len(packet)) || ip.More() || ip.FragmentOffset() != 0 {
			return
		}
		protocol, source, destination = ip.TransportProtocol(), ip.SourceAddress(), ip.DestinationAddress()
		segment = ip.Payload()
	case header.IPv6ProtocolNumber:
		ip := header.IPv6(packet)
		if !ip.IsValid(len(packet)) {
			return
		}
		protocol, source, destination = ip.TransportProtocol(), ip.SourceAddress(), ip.DestinationAddress()
		segment = ip.Payload()
	default:
		return
	}
	var field []byte
	switch {
	case protocol == header.TCPProtocolNumber && len(segment) >= header.TCPMinimumSize:
		field = segment[header.TCPChecksumOffset:][:2]
	case protocol == header.UDPProtocolNumber && len(segment) >= header.UDPMinimumSize:
		field = segment[6:8]
	default:
		return
	}
	copy(field, []byte{0, 0})
	sum := ^checksum.Checksum(segment, header.PseudoHeaderChecksum(protocol, source, destination, uint16(len(segment))))
	if sum == 0 && protocol == header.UDPProtocolNumber {
		sum = 0xffff // 0 means that there is none: RFC 768
	}
	binary.BigEndian.PutUint16(field, sum)
}

func (l *link) deliver(frame []byte) {
	if len(frame) < header.EthernetMinimumSize {
		return
	}
	eth := header.Ethernet(frame)
	destination, protocol := eth.DestinationAddress(), eth.Type()
	l.mu.RLock()
	d, tap := l.dispatcher, l.tap
	l.mu.RUnlock()
	if d == nil {
		return
	}
	if protocol == header.IPv4ProtocolNumber && tap != nil && tap(frame[header.EthernetMinimumSize:]) {
		return
	}
	p := stack.NewPacketBuffer(stack.PacketBufferOptions{
		Payload: buffer.MakeWithView(buffer.NewViewWithData(frame)),
	})
	defer p.DecRef()
	if !l.ParseHeader(p) {
		return
	}
	switch {
	case destination == header.EthernetBroadcastAddress:
		p.PktType = tcpip.PacketBroadcast
	case header.IsMulticastEthernetAddress(destination):
		p.PktType = tcpip.PacketMulticast
	case destination == l.address:
		p.PktType = tcpip.PacketHost
	default:
		return // promiscuous mode, or a switch that floods
	}
	d.DeliverNetworkPacket(protocol, p)
}

// WritePackets implements stack.LinkWriter.
func (l *link) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	n := 0
	for _, p := range packets.AsSlice() {
		v := p.ToView()
		err := l.send(v.AsSlice())
		v.Release()
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// send transmits a frame; it waits while the interface's queue is full.
func (l *link) send(frame []byte) tcpip.Error {
	_, err := l.file.Write(frame)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOBUFS):
		return &tcpip.ErrNoBufferSpace{}
	case errors.Is(err, unix.EMSGSIZE):
		return &tcpip.ErrMessageTooLong{}
	case errors.Is(err, os.ErrClosed):
		return &tcpip.ErrClosedForSend{}
	default:
		return &tcpip.ErrNetworkUnreachable{}
	}
}

// MTU implements stack.NetworkLinkEndpoint.
func (l *link) MTU() uint32 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.mtu
}

// SetMTU implements stack.NetworkLinkEndpoint.
func (l *link) SetMTU(mtu uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mtu = mtu
}

// MaxHeaderLength implements stack.NetworkLinkEndpoint.
func (l *link) MaxHeaderLength() uint16 { return header.EthernetMinimumSize }

// LinkAddress implements stack.NetworkLinkEndpoint.
func (l *link) LinkAddress() tcpip.LinkAddress { return l.address }

// SetLinkAddress implements stack.NetworkLinkEndpoint. The interface's address is its own.
func (l *link) SetLinkAddress(tcpip.LinkAddress) {}

// Capabilities implements stack.NetworkLinkEndpoint. All checksums are the stack's to make and
// verify.
func (l *link) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityResolutionRequired
}

// GSOMaxSize implements stack.GSOEndpoint.
func (l *link) GSOMaxSize() uint32 { return 1 << 15 }

// SupportedGSO implements stack.GSOEndpoint: the stack itself cuts large writes, in one go.
func (l *link) SupportedGSO() stack.SupportedGSO { return stack.GVisorGSOSupported }

// IsAttached implements stack.NetworkLinkEndpoint.
func (l *link) IsAttached() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.dispatcher != nil
}

// Wait implements stack.NetworkLinkEndpoint.
func (l *link) Wait() { l.reader.Wait() }

// ARPHardwareType implements stack.NetworkLinkEndpoint.
func (l *link) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }

// AddHeader implements stack.NetworkLinkEndpoint.
func (l *link) AddHeader(p *stack.PacketBuffer) {
	header.Ethernet(p.LinkHeader().Push(header.EthernetMinimumSize)).Encode(&header.EthernetFields{
		SrcAddr: l.address,
		DstAddr: p.EgressRoute.RemoteLinkAddress,
		Type:    p.NetworkProtocolNumber,
	})
}

// ParseHeader implements stack.NetworkLinkEndpoint.
func (l *link) ParseHeader(p *stack.PacketBuffer) bool {
	_, ok := p.LinkHeader().Consume(header.EthernetMinimumSize)
	return ok
}

// SetOnCloseAction implements stack.NetworkLinkEndpoint.
func (l *link) SetOnCloseAction(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onClose = f
}

// Close implements stack.NetworkLinkEndpoint: it ends the reader.
func (l *link) Close() {
	l.mu.Lock()
	f := l.onClose
	l.onClose, l.dispatcher = nil, nil
	l.mu.Unlock()
	l.file.Close()
	if f != nil {
		f()
	}
}

// setTap installs what sees IPv4 packets first.
func (l *link) setTap(tap func(packet []byte) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tap = tap
}
