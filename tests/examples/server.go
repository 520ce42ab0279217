// Package examples runs programs that serve and that dial, in machines and natively, and holds the ones
// to what the others do. Machines are reached through QEMU's user networking, as a user would reach
// them (unigornel run -p).
package examples

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"unigornel/tests/machine"
)

// startup is what a machine may take until it serves, on a busy host.
const startup = 60 * time.Second

// program is one that listens.
type program struct {
	dir    string   // its package, below the repository
	args   []string // further arguments
	ports  []port
	ready  string // what it prints when it serves
	flags  []string
	goroot string // of another Go
	host   string // address of the host that the ports are published on, 127.0.0.1
}

// port is one that it listens on, by default at the number that the machine has.
type port struct {
	number int
	udp    bool
	flag   string // sets another address: natively we take any free port
}

func (p port) String() string {
	if p.udp {
		return fmt.Sprintf("%d/udp", p.number)
	}
	return fmt.Sprint(p.number)
}

// server is a program that runs. Addr is where each of its ports can be reached.
type server struct {
	*machine.Process
	Addr map[int]string
}

func (p program) hostAddress() string {
	if p.host == "" {
		return "127.0.0.1"
	}
	return p.host
}

// start runs the program on a target or, if that is "native", as an ordinary process, and returns
// when it serves. It is stopped at the end of the test.
func (p program) start(t *testing.T, target string) *server {
	t.Helper()
	built := machine.BuildWith(t, p.dir, p.goroot)
	s := &server{Addr: map[int]string{}}
	var command []string
	if target == "native" {
		command = append(command, built.Native)
		for _, q := range p.ports {
			s.Addr[q.number] = freePort(t, q.udp)
			command = append(command, q.flag, s.Addr[q.number])
		}
		command = append(command, p.args...)
	} else {
		flags := append([]string{}, p.flags...)
		for _, q := range p.ports {
			flags = append(flags, "-p", p.hostAddress()+":0:"+q.String())
		}
		command = machine.Command(target, built.Image, machine.Options{Flags: flags, Args: p.args})
	}
	s.Process = machine.Start(t, exec.Command(command[0], command[1:]...))
	t.Cleanup(func() { s.stop(t, target) })
	s.Says(p.ready, startup)
	if target != "native" {
		for _, q := range p.ports {
			m := regexp.MustCompile(`port (\d+) of the host is port ` + q.String() + " of the machine").FindStringSubmatch(s.Said())
			if m == nil {
				t.Fatalf("the tool does not say which port leads to %v; output:\n%s", q, s.Said())
			}
			s.Addr[q.number] = p.hostAddress() + ":" + m[1]
		}
	}
	return s
}

// stop ends the program as Ctrl-C does.
func (s *server) stop(t *testing.T, target string) {
	if !s.Interrupt(20 * time.Second) {
		s.Kill()
		t.Errorf("%s: it does not end on SIGINT", target)
	}
	if code := s.Code(0); target != "native" && code != 130 && code != 0 {
		t.Errorf("%s: exit code %d; output:\n%s", target, code, s.Said())
	}
	if t.Failed() {
		t.Logf("%s: output:\n%s", target, s.Said())
	}
}

// freePort is a local address that nobody listens on.
func freePort(t *testing.T, udp bool) string {
	t.Helper()
	if udp {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().String()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// targets are the machines that have a network.
func targets() []string {
	var with []string
	for _, target := range machine.Targets() {
		if target != "xen" {
			with = append(with, target)
		}
	}
	return with
}

// everywhere runs f against the program natively, and then in each kind of machine.
func (p program) everywhere(t *testing.T, f func(t *testing.T, s *server)) {
	for _, target := range append([]string{"native"}, targets()...) {
		target := target
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			f(t, p.start(t, target))
		})
	}
}

// hostAddress is the test's own address as the program on the target sees it.
func hostAddress(target, addr string) string {
	if target == "native" {
		return addr
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err)
	}
	return "10.0.2.2:" + port
}

// runs is a program that ends by itself: its output and exit code.
func (p program) runs(t *testing.T, target string, args ...string) machine.Result {
	t.Helper()
	built := machine.BuildWith(t, p.dir, p.goroot)
	o := machine.Options{Args: append(append([]string{}, p.args...), args...), Flags: p.flags}
	if target == "native" {
		o.Flags = nil
		o.Env = os.Environ()
		return built.RunNative(t, o)
	}
	return built.Run(t, target, o)
}
