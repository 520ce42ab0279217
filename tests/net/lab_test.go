// Package net_test puts a machine on a tap device in a network namespace of its own, with Linux as the peer.
//
// It needs root. NET_LONG=1 runs everything in full: transfers of 1 GiB, floods of a minute.
package net_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"unigornel/tests/machine"
	"unigornel/tests/netns"
)

const (
	host4, guest4 = "10.79.0.1", "10.79.0.2"
	host6, guest6 = "fd00:79::1", "fd00:79::2"
	guestMAC      = "52:54:00:79:00:02"
	tapName       = "tap0"
)

var long = os.Getenv("NET_LONG") != ""

// pick is n, or full where everything is asked for.
func pick[T any](n, full T) T {
	if long {
		return full
	}
	return n
}

func TestMain(m *testing.M) { netns.Main(m, "tests/net") }

// direct gives the host end of the tap its addresses.
func direct(t *testing.T) {
	t.Helper()
	netns.MustIP(t, "tuntap add "+tapName+" mode tap vnet_hdr")
	t.Cleanup(func() { netns.IP("link del " + tapName) })
	addresses(t, tapName)
}

func addresses(t *testing.T, device string) {
	t.Helper()
	netns.MustIP(t, "addr add "+host4+"/24 dev "+device, "addr add "+host6+"/64 dev "+device+" nodad", "link set "+device+" up",
		"neigh replace "+guest4+" lladdr "+guestMAC+" dev "+device+" nud permanent",
		"neigh replace "+guest6+" lladdr "+guestMAC+" dev "+device+" nud permanent")
}

// relayed puts a relay (tests/net/relay) with these flags between host and guest:
//
//	host's addresses: h0 = h1 <- relay -> g1 = g0 - bridge - tap - guest
//
// Frames on both sides of the relay are as on a real wire: no larger than the MTU, checksums complete.
func relayed(t *testing.T, flags ...string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "relay")
	build := exec.Command("go", "build", "-o", binary, "./relay")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	netns.MustIP(t, "link add h0 type veth peer name h1", "link add g0 type veth peer name g1",
		"tuntap add "+tapName+" mode tap vnet_hdr", "link add br0 type bridge",
		"link set g0 master br0", "link set "+tapName+" master br0")
	t.Cleanup(func() {
		for _, d := range []string{"br0", "h0", "g0", tapName} {
			netns.IP("link del " + d)
		}
	})
	for _, d := range []string{"h0", "h1", "g0", "g1"} {
		plain(t, d)
	}
	for _, d := range []string{"h1", "g0", "g1", tapName, "br0"} {
		os.WriteFile("/proc/sys/net/ipv6/conf/"+d+"/disable_ipv6", []byte("1"), 0)
		netns.MustIP(t, "link set "+d+" arp off up") // or it would answer for h0, and frames find a way around the relay
	}
	addresses(t, "h0")
	relay := exec.Command(binary, append(flags, "h1", "g1")...)
	relay.Stderr = os.Stderr
	relay.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := relay.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := relay.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { relay.Process.Kill(); relay.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal("relay:", line, err)
	}
}

// plain turns the offloads of an interface off (ethtool's ioctl).
func plain(t *testing.T, device string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	const siocEthtool, txCsum, rxCsum, gro = 0x8946, 0x17, 0x15, 0x2c
	for _, command := range []uint32{txCsum, rxCsum, gro} {
		value := [2]uint32{command, 0}
		var request struct {
			name [16]byte
			data unsafe.Pointer
			_    [16]byte
		}
		copy(request.name[:], device)
		request.data = unsafe.Pointer(&value)
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), siocEthtool, uintptr(unsafe.Pointer(&request))); e != 0 && command == txCsum {
			t.Fatal(device, e)
		}
	}
}

// guest is a machine that runs programs/peer.
type guest struct {
	*machine.Process
	t *testing.T
}

// boot starts programs/peer on a microvm and waits until it answers. At the end the machine must still be
// there, and have said nothing: a crash, or a message of the kernel, fails the test.
func boot(t *testing.T, arguments ...string) *guest {
	t.Helper()
	p := machine.Build(t, "tests/net/programs/peer")
	a := append([]string{"run", "--accel", "tcg", "--net", "tap=" + tapName, "--mac", guestMAC,
		"--ip", guest4 + "/24", "--ip", guest6 + "/64", "--gateway", host4}, arguments...)
	g := &guest{machine.Start(t, exec.Command(machine.Tool(), append(a, p.Image)...)), t}
	t.Cleanup(func() {
		if g.Ended() {
			t.Errorf("the machine ended: %s\n%s", g.State(), g.Said())
			return
		}
		if !g.Interrupt(20 * time.Second) {
			g.Kill()
			t.Error("the machine did not stop")
		}
		// It dies of the SIGTERM that our SIGINT is to it.
		said := strings.NewReplacer("PEER-READY\n", "", "unigornel: killed by SIGTERM\n", "").Replace(g.Said())
		if said != "" {
			t.Errorf("the machine said:\n%s", said)
		}
	})
	url := "http://" + guest4 + ":8080/"
	g.Until("answers "+url, time.Minute, func() bool { return get(url, time.Second) == nil })
	return g
}

// get fetches a page that does not matter.
func get(url string, timeout time.Duration) error {
	_, err := machine.Get(url, timeout)
	return err
}

// file is the text of a file of the machine.
func (g *guest) file(path string) string {
	g.t.Helper()
	return text(g.t, "http://"+guest4+":8080/file?path="+path)
}

func text(t *testing.T, url string) string {
	t.Helper()
	text, err := machine.Get(url, 2*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// command runs a program that must succeed.
func command(t *testing.T, limit time.Duration, name string, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is missing (scripts/setup.sh installs it)", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

// both runs f for either family, with the address of the guest and of the host.
func both(t *testing.T, f func(t *testing.T, guest, host string)) {
	t.Run("IPv4", func(t *testing.T) { f(t, guest4, host4) })
	t.Run("IPv6", func(t *testing.T) { f(t, guest6, host6) })
}

func port(address, p string) string { return net.JoinHostPort(address, p) }
