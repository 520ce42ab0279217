package net_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
	"unigornel/tests/net/stream"
)

const mib = 1 << 20

// download fetches a stream from the guest and checks it.
func download(t *testing.T, address string, n int64, stall time.Duration) {
	t.Helper()
	begin := time.Now()
	r, err := machine.Client(0).Get(fmt.Sprintf("http://%s/bytes?n=%d", port(address, "8080"), n))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	h, w := sha256.New(), &stream.Watch{Reader: r.Body}
	got, err := io.CopyBuffer(h, struct{ io.Reader }{w}, make([]byte, mib))
	if sum := fmt.Sprintf("%x", h.Sum(nil)); err != nil || got != n || sum != stream.Sum(n) {
		t.Fatalf("%d bytes down: %d came, right: %v, %v", n, got, sum == stream.Sum(n), err)
	}
	report(t, "down", n, begin, w.Longest, stall)
}

// upload sends a stream to the guest, which says what it got.
func upload(t *testing.T, address string, n int64, stall time.Duration) {
	t.Helper()
	begin := time.Now()
	request, _ := http.NewRequest("POST", "http://"+port(address, "8080")+"/sum", struct{ io.Reader }{stream.New(n)})
	request.ContentLength = n
	r, err := machine.Client(0).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	answer, _ := io.ReadAll(r.Body)
	if want := fmt.Sprintf("%d %s\n", n, stream.Sum(n)); string(answer) != want {
		t.Fatalf("%d bytes up: the guest got %swanted %s", n, answer, want)
	}
	longest, err := time.ParseDuration(r.Header.Get("Longest-Pause"))
	if err != nil {
		t.Fatal(err)
	}
	report(t, "up", n, begin, longest, stall)
}

func report(t *testing.T, direction string, n int64, begin time.Time, longest, stall time.Duration) {
	t.Helper()
	took := time.Since(begin)
	t.Logf("%s: %d MiB, %.1f MB/s, longest pause %v", direction, n/mib, float64(n)/took.Seconds()/1e6, longest.Round(time.Millisecond))
	if longest > stall {
		t.Errorf("%s: it stood still for %v", direction, longest)
	}
}

func TestBulk(t *testing.T) {
	direct(t)
	boot(t)
	n := pick[int64](96, 1024) * mib
	both(t, func(t *testing.T, guest, host string) {
		download(t, guest, n, 3*time.Second)
		upload(t, guest, n, 3*time.Second)
	})
}

// The guest as the client: it downloads from Linux, and sends to it.
func TestGuestAsClient(t *testing.T) {
	direct(t)
	boot(t)
	n := pick[int64](32, 256) * mib
	http.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, stream.New(n))
	})
	both(t, func(t *testing.T, guest, host string) {
		l, err := net.Listen("tcp", port(host, "8090"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go http.Serve(l, nil)
		got := text(t, "http://"+port(guest, "8080")+"/fetch?url=http://"+port(host, "8090")+"/stream")
		if want := fmt.Sprintf("%d %s\n", n, stream.Sum(n)); got != want {
			t.Errorf("the guest downloaded %swanted %s", got, want)
		}
		sink, err := net.Listen("tcp", port(host, "8091"))
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		sum := make(chan string, 1)
		go func() {
			c, err := sink.Accept()
			if err != nil {
				sum <- err.Error()
				return
			}
			defer c.Close()
			h := sha256.New()
			io.CopyBuffer(h, struct{ io.Reader }{c}, make([]byte, mib))
			sum <- fmt.Sprintf("%x", h.Sum(nil))
		}()
		text(t, fmt.Sprintf("http://%s/push?n=%d&to=%s", port(guest, "8080"), n, port(host, "8091")))
		if got := <-sum; got != stream.Sum(n) {
			t.Errorf("what the guest sent has the sum %s, wanted %s", got, stream.Sum(n))
		}
	})
}

// What people type.
func TestTools(t *testing.T) {
	direct(t)
	boot(t)
	both(t, func(t *testing.T, guest, host string) {
		url := port(guest, "8080")
		if out := command(t, time.Minute, "curl", "-sS", "http://"+url+"/"); out != "Hello World!\n" {
			t.Errorf("curl: %q", out)
		}
		if out := command(t, time.Minute, "curl", "-sSk", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{size_download}", "https://"+port(guest, "8443")+"/bytes?n=1000000"); out != "2 1000000" {
			t.Errorf("curl over HTTP/2: %q", out)
		}
		out := command(t, time.Minute, "wrk", "-t1", "-c64", "-d"+pick("2s", "20s"), "http://"+url+"/")
		if strings.Contains(out, "Socket errors") || strings.Contains(out, "Non-2xx") || strings.Contains(out, " 0 requests in") {
			t.Errorf("wrk:\n%s", out)
		}
		count := pick("2000", "50000")
		out = command(t, 5*time.Minute, "h2load", "-n"+count, "-c4", "-m16", "https://"+port(guest, "8443")+"/")
		if !strings.Contains(out, count+" succeeded, 0 failed, 0 errored, 0 timeout") {
			t.Errorf("h2load:\n%s", out)
		}
		count = pick("3000", "100000")
		out = command(t, 5*time.Minute, "ping", "-f", "-q", "-c"+count, guest)
		if !strings.Contains(out, count+" received, 0% packet loss") {
			t.Errorf("ping -f:\n%s", out)
		}
		out = command(t, time.Minute, "ping", "-q", "-c5", "-i0.01", "-s30000", guest)
		if !strings.Contains(out, "5 received, 0% packet loss") {
			t.Errorf("ping with fragments:\n%s", out)
		}
	})
}

func TestUDPEcho(t *testing.T) {
	direct(t)
	boot(t)
	both(t, func(t *testing.T, guest, host string) {
		c, err := net.Dial("udp", port(guest, "7"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		b := make([]byte, 65536)
		for _, n := range []int{0, 1, 100, 1472, 1473, 9000, 65000} {
			if _, err := c.Write(b[:n]); err != nil {
				t.Fatal(n, err)
			}
			c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if got, err := c.Read(b); err != nil || got != n {
				t.Errorf("a datagram of %d bytes came back with %d, %v", n, got, err)
			}
		}
		closed, err := net.Dial("udp", port(guest, "6"))
		if err != nil {
			t.Fatal(err)
		}
		defer closed.Close()
		closed.Write(b[:10])
		closed.SetReadDeadline(time.Now().Add(3 * time.Second))
		if _, err := closed.Read(b); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("a port where nobody listens: %v", err)
		}
	})
}
