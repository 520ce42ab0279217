package examples

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"unigornel/tests/machine"
)

// network prints its surroundings (programs/network).
func network(flags ...string) program {
	return program{dir: "tests/examples/programs/network", flags: flags}
}

// expect demands that all regular expressions match the output of a run.
func expect(t *testing.T, r machine.Result, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(`(?m)^` + p).MatchString(r.Output) {
			t.Errorf("%s is not in the output:\n%s", p, r.Output)
		}
	}
	if r.Code != 0 {
		t.Errorf("exit code %d", r.Code)
	}
}

func TestAddressesOfUserNetworking(t *testing.T) {
	for _, target := range targets() {
		target := target
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			r := network().runs(t, target)
			expect(t, r, "interfaces: <nil>", "lo: .*up", "lo has 127.0.0.1/8", "lo has ::1/128",
				"eth0: 52:54:00:12:34:56 mtu 1500 up.*broadcast.*multicast", "eth0 has 10.0.2.15/24", "eth0 has fec0::15/64", "eth0 has fe80::",
				"resolv.conf: nameserver 10.0.2.3")
			r = network("--ip", "dhcp", "--mac", "02:00:00:00:00:77").runs(t, target)
			expect(t, r, "eth0: 02:00:00:00:00:77", "eth0 has 10.0.2.15/24", "resolv.conf: nameserver 10.0.2.3")
			r = network("--ip", "192.168.9.9/24", "--ip", "fd00:1::9/64", "--dns", "192.0.2.53").runs(t, target)
			expect(t, r, "eth0 has 192.168.9.9/24", "eth0 has fd00:1::9/64", "resolv.conf: nameserver 192.0.2.53")
			if strings.Contains(r.Output, "10.0.2") || strings.Contains(r.Output, "fec0") {
				t.Errorf("other addresses too:\n%s", r.Output)
			}
			r = network("--net", "user", "--net", "user", "--mac", "02:00:00:00:00:78").runs(t, target)
			expect(t, r, "eth0: 52:54:00:12:34:56", "eth1: 02:00:00:00:00:78", "eth0 has 10.0.2.15/24", "eth1 has 10.0.3.15/24")
			r = network("--net", "none").runs(t, target, "dial", "192.0.2.1:80")
			expect(t, r, "lo has 127.0.0.1/8", "dial: .*network is unreachable")
			if strings.Contains(r.Output, "eth") {
				t.Errorf("--net none:\n%s", r.Output)
			}
		})
	}
}

func TestRawInterfaceIsTheProgramsOwn(t *testing.T) {
	for _, target := range targets() {
		target := target
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			r := network("--raw").runs(t, target, "frames", "1")
			expect(t, r, "eth0: 52:54", "10.0.2.2 is at 52:55:0a:00:02:02")
			if strings.Contains(r.Output, "eth0 has") {
				t.Errorf("it has an address:\n%s", r.Output)
			}
		})
	}
}

// TestHTTPSWithTheHostsRoots goes to a server of ours that an authority of ours vouches for.
func TestHTTPSWithTheHostsRoots(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("verified")) }))
	// The host answers to 10.0.2.2, which the certificate of httptest does not name: it is made anew
	// by the example.
	authority, certificate := makeAuthority(t)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	bundle := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority}), 0o666); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	get := func(env string, flags ...string) string {
		args := append(append([]string{"run", "--accel", "tcg"}, flags...), filepath.Join(machine.Root(), "examples", "https"),
			"--", "-get", "https://10.0.2.2:"+port)
		cmd := exec.Command(machine.Tool(), args...)
		cmd.Dir = t.TempDir() // where no go.mod says what the package belongs to
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+env, "GOFLAGS=-buildvcs=false")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if out := get(bundle); !strings.Contains(out, "HTTP/2.0 200 OK, 8 bytes") || !strings.Contains(out, "0: the test's server") {
		t.Errorf("with the authority among the roots:\n%s", out)
	}
	for _, out := range []string{get("/etc/ssl/certs/ca-certificates.crt"), get(bundle, "--no-ca")} {
		if !strings.Contains(out, "certificate signed by unknown authority") {
			t.Errorf("without the authority among the roots:\n%s", out)
		}
	}
}

// TestNamesAreResolved asks for names that this machine can resolve itself.
func TestNamesAreResolved(t *testing.T) {
	const name = "proxy.golang.org"
	if _, err := net.LookupHost(name); err != nil {
		t.Skip("no names can be resolved here: ", err)
	}
	for _, target := range targets() {
		target := target
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			expect(t, network().runs(t, target, "resolve", name, "resolve", "localhost"), name+" has true", "localhost has true")
			expect(t, network("--ip", "dhcp").runs(t, target, "resolve", name), name+" has true")
			r := network().runs(t, target, "resolve", "no-such-name.invalid")
			expect(t, r, "resolve: .*no such host")
		})
	}
}

// TestCapture reads what --pcap writes.
func TestCapture(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcap")
	ping := program{dir: "examples/ping", flags: []string{"--pcap", file}}
	if r := ping.runs(t, "microvm", "-c", "3", "-i", "10ms", "10.0.2.2"); r.Code != 0 {
		t.Fatalf("exit code %d, output:\n%s", r.Code, r.Output)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The format is that of libpcap: a header of 24 bytes, then packets after 16 bytes each.
	if len(data) < 24 || binary.LittleEndian.Uint32(data) != 0xa1b2c3d4 {
		t.Fatalf("no capture: %d bytes", len(data))
	}
	requests, replies := 0, 0
	for data = data[24:]; len(data) >= 16; {
		n := int(binary.LittleEndian.Uint32(data[8:]))
		if len(data) < 16+n {
			t.Fatal("the last packet is not whole")
		}
		p := data[16 : 16+n]
		data = data[16+n:]
		if len(p) >= 42 && p[12] == 8 && p[13] == 0 && p[23] == 1 {
			switch p[34] {
			case 8:
				requests++
			case 0:
				replies++
			}
		}
	}
	if requests != 3 || replies != 3 {
		t.Errorf("%d requests and %d replies were captured, of 3 each", requests, replies)
	}
}
