package xen

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"unigornel/tests/machine"
	"unigornel/tests/net/stream"
)

const mib = 1 << 20

// The integration tests of the original Unigornel, on the Xen they were made for. Those of the network are below.
func TestOriginal(t *testing.T) {
	for _, c := range []struct{ program, input string }{
		{"examples/hello", ""}, {"examples/sleep", ""}, {"examples/echo", "one\ntwo\n"}, {"examples/cgo", ""},
	} {
		c := c
		t.Run(filepath.Base(c.program), func(t *testing.T) {
			p := machine.Build(t, c.program)
			native := p.RunNative(t, machine.Options{Input: strings.NewReader(c.input)})
			r := machine.Exec(t, []string{machine.Tool(), "run", "--hypervisor", "xen", p.Image},
				machine.Options{Env: []string{"UNIGORNEL_XENLAB=" + lab}, Input: strings.NewReader(c.input), Limit: 4 * time.Minute})
			if diff := machine.Diff(native.Output, r.Output); diff != "" || r.Code != native.Code {
				t.Errorf("exit code %d, natively %d\n%s", r.Code, native.Code, diff)
			}
		})
	}
}

func ping(t *testing.T, address string) {
	t.Helper()
	for _, size := range []string{"56", "1400", "8000"} {
		out, err := exec.Command("ping", "-q", "-c4", "-i0.2", "-W5", "-s"+size, address).CombinedOutput()
		if err != nil || !strings.Contains(string(out), " 0% packet loss") {
			t.Errorf("ping %s with %s bytes: %v\n%s", address, size, err, out)
		}
	}
}

func echoUDP(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("udp", net.JoinHostPort(address, "7"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := make([]byte, 65536)
	for _, n := range []int{0, 1, 1472, 9000, 60000} {
		if _, err := c.Write(b[:n]); err != nil {
			t.Fatal(n, err)
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if got, err := c.Read(b); err != nil || got != n {
			t.Errorf("%s: a datagram of %d bytes came back with %d, %v", address, n, got, err)
		}
	}
}

// A guest that is told nothing: an address by DHCP from the outer machine, another by router advertisements, and
// everybody can talk to it.
func TestNetwork(t *testing.T) {
	outer(t)
	server := serveDHCP(t)
	advertise(t)
	g := boot(t, "tests/net/programs/peer", []string{"--net", "tap=" + tap, "--mac", guestMAC})
	g.Says("PEER-READY", 3*time.Minute)
	g.answers("http://" + leased4 + ":8080/")
	if seen := server.types(); len(seen) < 2 || seen[0] != 1 || seen[1] != 3 {
		t.Errorf("DHCP messages %v, wanted 1 (discover), 3 (request)", seen)
	}
	g.answers("http://[" + autoconf6 + "]:8080/")
	for name, address := range map[string]string{"IPv4": leased4, "IPv6": autoconf6} {
		t.Run(name, func(t *testing.T) {
			ping(t, address)
			echoUDP(t, address)
			if text, err := machine.Get("http://"+net.JoinHostPort(address, "8080")+"/", 20*time.Second); err != nil || text != "Hello World!\n" {
				t.Errorf("HTTP: %q, %v", text, err)
			}
		})
	}
}

var static = []string{"--net", "tap=" + tap, "--mac", guestMAC, "--ip", guest4 + "/24", "--ip", guest6 + "/64", "--gateway", outer4}

// The guest pings the outer machine.
func TestPingsAnAddress(t *testing.T) {
	outer(t)
	for _, address := range []string{outer4, outer6} {
		g := boot(t, "examples/ping", static, "-c", "3", address)
		if code := g.Code(4 * time.Minute); code != 0 || strings.Count(g.Said(), "time=") < 3 {
			t.Errorf("ping %s: exit code %d:\n%s", address, code, g.Said())
		}
	}
}

func TestWebServer(t *testing.T) {
	outer(t)
	g := boot(t, "examples/web", static)
	g.answers("http://" + guest4 + "/")
	for _, address := range []string{guest4, "[" + guest6 + "]"} {
		if text, err := machine.Get("http://"+address+"/", 20*time.Second); err != nil || !strings.Contains(text, "Hello from a machine that is one Go program") {
			t.Errorf("%s: %v\n%s", address, err, text)
		}
	}
}

// A TCP/IP stack written in Go, which has the raw frames of netfront from an AF_PACKET socket.
func TestGoStackOnRawFrames(t *testing.T) {
	outer(t)
	g := boot(t, "examples/rawhttp", []string{"--net", "tap=" + tap, "--mac", guestMAC, "--raw"},
		"-stack", "go", "-address", guest4+"/24", "-gateway", outer4)
	g.answers("http://" + guest4 + "/")
	if text, err := machine.Get("http://"+guest4+"/", 20*time.Second); err != nil || !strings.HasPrefix(text, "Hello from the go stack of ") {
		t.Errorf("%v\n%s", err, text)
	}
	want := strings.Repeat("0123456789abcde\n", 1<<20)
	if text, err := machine.Get("http://"+guest4+"/bulk", 5*time.Minute); err != nil || text != want {
		t.Errorf("the 16 MiB are %d bytes, or others: %v", len(text), err)
	}
}

// 256 MiB down and up through netfront, while 64 MiB go to blkfront with fsync and come back.
func TestBulkBesideDisk(t *testing.T) {
	const network, onDisk = 256 * mib, 64 * mib
	outer(t)
	p := machine.Build(t, "tests/xen/programs/load")
	g := inLab(t, "--tap", tap, "--vif=mac="+guestMAC, "--disk", diskFile(t, "disk", onDisk+mib, ""), "--timeout", "1200",
		"--cmdline", "quiet ip=eth0:"+guest4+"/24", p.Image)
	url := "http://" + guest4 + ":8080"
	g.answers(url + "/")
	sum := stream.Sum(network)
	var all sync.WaitGroup
	together := func(what string, bytes int64, f func() error) {
		all.Add(1)
		go func() {
			defer all.Done()
			begin := time.Now()
			if err := f(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			took := time.Since(begin)
			t.Logf("%s: %d MiB in %v, %.1f MB/s", what, bytes/mib, took.Round(time.Second), float64(bytes)/took.Seconds()/1e6)
		}()
	}
	together("down", network, func() error {
		r, err := http.Get(fmt.Sprintf("%s/bytes?n=%d", url, network))
		if err != nil {
			return err
		}
		defer r.Body.Close()
		h := sha256.New()
		n, err := io.CopyBuffer(h, struct{ io.Reader }{r.Body}, make([]byte, mib))
		if got := fmt.Sprintf("%x", h.Sum(nil)); err != nil || got != sum {
			return fmt.Errorf("%d bytes with sum %s, wanted %s: %v", n, got, sum, err)
		}
		return nil
	})
	together("up", network, func() error {
		request, _ := http.NewRequest("POST", url+"/sum", struct{ io.Reader }{stream.New(network)})
		request.ContentLength = network
		r, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		answer, err := io.ReadAll(r.Body)
		if want := fmt.Sprintf("%d %s <nil>\n", network, sum); err != nil || string(answer) != want {
			return fmt.Errorf("it got %s wanted %s: %v", answer, want, err)
		}
		return nil
	})
	together("disk", onDisk, func() error {
		got, err := machine.Get(fmt.Sprintf("%s/disk?path=/dev/xvda&n=%d&chunk=%d", url, onDisk, mib), 20*time.Minute)
		if want := stream.Sum(onDisk) + "\n"; err != nil || got != want {
			return fmt.Errorf("read back with sum %s wanted %s: %v", got, want, err)
		}
		return nil
	})
	all.Wait()
	if t.Failed() {
		return
	}
	if got := g.dom0("sh", "-c", fmt.Sprintf("head -c %d /dev/vdb | sha256sum", onDisk)); !strings.HasPrefix(got, stream.Sum(onDisk)) {
		t.Errorf("dom0 sees %s, wanted %s", got, stream.Sum(onDisk))
	}
}
