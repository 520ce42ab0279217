package netstack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests run in a network namespace of their own, with a pair of interfaces: "peer", where
// Linux's stack is, and "raw", where ours is.

const inside = "NETSTACK_TEST_INSIDE"

var (
	peer4 = netip.MustParseAddr("10.77.0.1")
	our4  = netip.MustParsePrefix("10.77.0.2/24")
	peer6 = netip.MustParseAddr("fd77::1")
	our6  = netip.MustParsePrefix("fd77::2/64")
)

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	again := exec.Command("/proc/self/exe", os.Args[1:]...)
	again.Env = append(os.Environ(), inside+"=1")
	again.Stdout, again.Stderr = os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := again.Run(); errors.Is(err, syscall.EPERM) {
		fmt.Println("no network namespace may be made: not tested")
	} else if err != nil {
		os.Exit(1)
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// pair makes the two interfaces.
func pair(t *testing.T) {
	ip(t, "link", "add", "peer", "type", "veth", "peer", "name", "raw")
	t.Cleanup(func() { ip(t, "link", "del", "peer") })
	os.WriteFile("/proc/sys/net/ipv6/conf/raw/disable_ipv6", []byte("1"), 0)
	ip(t, "addr", "add", peer4.String()+"/24", "dev", "peer")
	ip(t, "addr", "add", peer6.String()+"/64", "dev", "peer", "nodad")
	ip(t, "link", "set", "lo", "up")
	ip(t, "link", "set", "peer", "up")
}

func open(t *testing.T, config Config) *Stack {
	t.Helper()
	config.Interface = "raw"
	s, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func static(t *testing.T) *Stack {
	pair(t)
	return open(t, Config{Addresses: []netip.Prefix{our4, our6}, DNS: []netip.Addr{peer4}})
}

func at(a netip.Addr, port int) string { return netip.AddrPortFrom(a, uint16(port)).String() }

func TestServesHTTP(t *testing.T) {
	s := static(t)
	l, err := s.Listen("tcp", ":8080") // both families
	if err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("raw frames "), 100_000)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("From", r.RemoteAddr)
		w.Write(body)
	}))
	for _, a := range []netip.Addr{our4.Addr(), our6.Addr()} {
		resp, err := http.Get("http://" + at(a, 8080))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%v: %d bytes, %v", a, len(got), err)
		}
		if from := resp.Header.Get("From"); !strings.Contains(from, "77") {
			t.Errorf("%v: the client is %q", a, from)
		}
	}
}

func TestDialsBothWays(t *testing.T) {
	s := static(t)
	data := make([]byte, 20<<20)
	for i := range data {
		data[i] = byte(i * 2654435761 >> 13)
	}
	want := sha256.Sum256(data)
	for _, a := range []netip.Addr{peer4, peer6} {
		l, err := net.Listen("tcp", at(a, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() { // echoes a hash, then sends all of it back
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			all, _ := io.ReadAll(c)
			sum := sha256.Sum256(all)
			c.Write(sum[:])
			c.Write(all)
		}()
		c, err := s.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(time.Minute))
		if _, err := c.Write(data); err != nil {
			t.Fatal(err)
		}
		c.(interface{ CloseWrite() error }).CloseWrite()
		got, err := io.ReadAll(c)
		if err != nil || len(got) != len(data)+len(want) {
			t.Fatalf("%v: %d bytes, %v", a, len(got), err)
		}
		if !bytes.Equal(got[:len(want)], want[:]) || sha256.Sum256(got[len(want):]) != want {
			t.Errorf("%v: the bytes differ", a)
		}
		c.Close()
	}
}

func TestRefusedAndUnreachable(t *testing.T) {
	s := static(t)
	if _, err := s.Dial("tcp", at(peer4, 9)); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a port nobody listens on: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.DialContext(ctx, "tcp", "10.77.0.99:80"); err == nil {
		t.Error("a host that is not there answered")
	}
	if _, err := s.Dial("tcp", "192.0.2.1:80"); err == nil {
		t.Error("a network without a route answered")
	}
	for _, bad := range [][2]string{{"tcp", ""}, {"tcp", ":80"}, {"tcp4", "[fd77::1]:80"}, {"tcp6", at(peer4, 80)}, {"sctp", at(peer4, 80)}, {"tcp", "10.77.0.1:nosuchservice"}} {
		if _, err := s.Dial(bad[0], bad[1]); err == nil {
			t.Errorf("Dial(%q, %q) succeeded", bad[0], bad[1])
		}
	}
	if _, err := s.Listen("udp", ":1"); err == nil {
		t.Error("Listen on udp succeeded")
	}
	if _, err := s.ListenPacket("tcp", ":1"); err == nil {
		t.Error("ListenPacket on tcp succeeded")
	}
}

func TestPackets(t *testing.T) {
	s := static(t)
	c, err := s.ListenPacket("udp", ":7000")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			c.WriteTo(bytes.ToUpper(b[:n]), from)
		}
	}()
	for _, a := range []netip.Addr{our4.Addr(), our6.Addr()} {
		p, err := net.Dial("udp", at(a, 7000))
		if err != nil {
			t.Fatal(err)
		}
		p.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprint(p, "echo")
		b := make([]byte, 100)
		n, err := p.Read(b)
		if string(b[:n]) != "ECHO" {
			t.Errorf("%v: %q %v", a, b[:n], err)
		}
		p.Close()
	}
	// And the other way, connected.
	l, err := net.ListenPacket("udp", at(peer4, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := s.Dial("udp", l.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(d, "hello")
	b := make([]byte, 100)
	l.SetDeadline(time.Now().Add(5 * time.Second))
	n, from, err := l.ReadFrom(b)
	if err != nil || string(b[:n]) != "hello" || !strings.HasPrefix(from.String(), our4.Addr().String()) {
		t.Errorf("%q from %v: %v", b[:n], from, err)
	}
}

func TestAnswersPings(t *testing.T) {
	static(t)
	for _, a := range []netip.Addr{our4.Addr(), our6.Addr()} {
		if out, err := exec.Command("ping", "-c", "2", "-i", "0.2", "-W", "2", a.String()).CombinedOutput(); err != nil {
			if _, missing := exec.LookPath("ping"); missing != nil {
				t.Skip("there is no ping")
			}
			t.Errorf("%v: %s", a, out)
		}
	}
}

func TestResolves(t *testing.T) {
	s := static(t)
	serveDNS(t)
	web, err := net.Listen("tcp", at(peer4, 0))
	if err != nil {
		t.Fatal(err)
	}
	go http.Serve(web, http.NotFoundHandler())
	defer web.Close()
	client := http.Client{Transport: &http.Transport{DialContext: s.DialContext}}
	_, port, _ := net.SplitHostPort(web.Addr().String())
	resp, err := client.Get("http://peer.example:" + port)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Error(resp.Status)
	}
	if _, err := s.Dial("tcp", "nobody.example:80"); err == nil {
		t.Error("a name that is not there was found")
	}
}

// serveDNS knows that peer.example is peer4.
func serveDNS(t *testing.T) {
	l, err := net.ListenPacket("udp", at(peer4, 53))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := l.ReadFrom(b)
			if err != nil {
				return
			}
			end := 12
			for end < n && b[end] != 0 {
				end += int(b[end]) + 1
			}
			end += 5
			q := b[12:end]
			reply := append([]byte{b[0], b[1], 0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0}, q...)
			switch {
			case !bytes.Contains(q, []byte("\x04peer\x07example")):
				reply[3] = 3 // NXDOMAIN
			case q[len(q)-3] == 1:
				reply[7] = 1
				reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
				reply = append(reply, peer4.AsSlice()...)
			}
			l.WriteTo(reply, from)
		}
	}()
}

func TestLeasesAnAddress(t *testing.T) {
	pair(t)
	seen := serveDHCP(t)
	s := open(t, Config{Hostname: "machine"})
	found := false
	for _, a := range s.Addresses() {
		found = found || a == netip.MustParsePrefix("10.77.0.50/24")
	}
	if !found {
		t.Errorf("the addresses are %v", s.Addresses())
	}
	if len(s.DNS()) != 1 || s.DNS()[0] != peer4 {
		t.Errorf("the name servers are %v", s.DNS())
	}
	if name := <-seen; name != "machine" {
		t.Errorf("the host's name came as %q", name)
	}
	serveDNS(t)
	l, err := net.Listen("tcp", at(peer4, 4000))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := s.Dial("tcp", "peer.example:4000")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	// The router is the peer: an address elsewhere is tried.
	ip(t, "addr", "add", "192.0.2.7/32", "dev", "lo")
	l, err = net.Listen("tcp", "192.0.2.7:4000")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c, err = s.Dial("tcp", "192.0.2.7:4000"); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestNoLease(t *testing.T) {
	pair(t)
	_, err := Open(Config{Interface: "raw", DHCPTimeout: 300 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "DHCP") {
		t.Error(err)
	}
	if _, err := Open(Config{Interface: "nosuch"}); err == nil {
		t.Error("an interface that is not there was opened")
	}
	if _, err := Open(Config{Interface: "lo"}); err == nil {
		t.Error("loopback was opened")
	}
}

// serveDHCP grants 10.77.0.50; the names of the hosts that asked come on the channel.
func serveDHCP(t *testing.T) <-chan string {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_BROADCAST, 1)
			if err == nil {
				err = syscall.BindToDevice(int(fd), "peer")
			}
		})
		return err
	}}
	l, err := lc.ListenPacket(context.Background(), "udp4", ":67")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	names := make(chan string, 100)
	go func() {
		b := make([]byte, 1500)
		for {
			n, _, err := l.ReadFrom(b)
			if err != nil {
				return
			}
			m := b[:n]
			kind := option(m, optionType)
			if len(kind) != 1 {
				continue
			}
			reply := append([]byte(nil), m[:dhcpFixed]...)
			reply[0] = bootReply
			copy(reply[16:], []byte{10, 77, 0, 50})
			answer := byte(dhcpOffer)
			if kind[0] == dhcpRequest {
				answer = dhcpAck
				names <- string(option(m, optionHostname))
			}
			reply = append(reply, options(optionType, []byte{answer}, optionServer, peer4.AsSlice(),
				optionMask, []byte{255, 255, 255, 0}, optionRouter, peer4.AsSlice(), optionDNS, peer4.AsSlice(),
				optionLease, binary.BigEndian.AppendUint32(nil, 3600), optionMTU, []byte{1400 >> 8, 1400 & 255})...)
			reply = append(reply, optionEnd)
			l.WriteTo(reply, &net.UDPAddr{IP: net.IPv4bcast, Port: 68})
		}
	}()
	return names
}

func TestCloseEndsEverything(t *testing.T) {
	s := static(t)
	l, err := s.Listen("tcp", ":1")
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := l.Accept()
		failed <- err
	}()
	s.Close()
	select {
	case err := <-failed:
		if err == nil {
			t.Error("Accept succeeded")
		}
	case <-time.After(5 * time.Second):
		t.Error("Accept goes on waiting")
	}
	s.Close()
}

func TestParsesOptionsSafely(t *testing.T) {
	m := make([]byte, dhcpFixed)
	for _, rest := range [][]byte{nil, {optionType}, {optionType, 5, 1}, {0, 0, 0}, {optionEnd, optionType, 1, 1}} {
		if got := option(append(m[:dhcpFixed:dhcpFixed], rest...), optionType); got != nil {
			t.Errorf("%v: %v", rest, got)
		}
	}
	if parseLease(m) != nil {
		t.Error("an empty message is a lease")
	}
}
