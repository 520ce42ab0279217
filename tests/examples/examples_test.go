package examples

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"unigornel/tests/machine"
)

// https serves HTTPS, and the certificate by HTTP.
var https = program{dir: "examples/https", ports: []port{{443, false, "-listen"}, {80, false, "-http"}}, ready: "SHA-256"}

var web = program{dir: "examples/web", ports: []port{{80, false, "-listen"}}, ready: "Serving on"}

// get fetches a page with a client of its own, or the one given.
func get(t *testing.T, c *http.Client, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	if c == nil {
		tr := &http.Transport{}
		defer tr.CloseIdleConnections()
		c = &http.Client{Transport: tr, Timeout: time.Minute}
	}
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v after %d bytes", url, err, len(body))
	}
	return res, body
}

func TestWeb(t *testing.T) {
	numbers := regexp.MustCompile(`[0-9.]+(ms|s)?`)
	web.everywhere(t, func(t *testing.T, s *server) {
		base := "http://" + s.Addr[80]
		res, body := get(t, nil, base)
		text := numbers.ReplaceAllString(string(body), "N")
		for _, want := range []string{"Hello from a machine", "up           N", "requests     N", "memory       N MiB, of which the program uses N"} {
			if res.StatusCode != 200 || !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", res.Status, want, body)
			}
		}
		if res, body = get(t, nil, base, "Accept", "text/html"); !bytes.HasSuffix(body, []byte("</html>\n")) {
			t.Errorf("%s: the page is not whole: %d bytes", res.Status, len(body))
		}
		if res, _ = get(t, nil, base+"/nowhere"); res.StatusCode != 404 {
			t.Errorf("/nowhere: %s", res.Status)
		}
	})
}

type webStatus struct {
	Uptime                          float64
	Requests, Connections, Watchers int
	Goroutines                      int
}

func webGet(t *testing.T, c *http.Client, s *server) webStatus {
	t.Helper()
	var w webStatus
	_, body := get(t, c, "http://"+s.Addr[80]+"/status")
	if err := json.Unmarshal(body, &w); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return w
}

// TestKeepAliveAndParallelRequests counts what the server has seen.
func TestKeepAliveAndParallelRequests(t *testing.T) {
	const clients, each = 32, 20
	web.everywhere(t, func(t *testing.T, s *server) {
		tr := &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients}
		c := &http.Client{Transport: tr, Timeout: time.Minute}
		defer tr.CloseIdleConnections()
		var wg sync.WaitGroup
		for i := 0; i < clients; i++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for j := 0; j < each; j++ {
					r, err := c.Get("http://" + s.Addr[80] + "/status")
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						t.Error(err)
					}
					r.Body.Close()
				}
			}()
		}
		wg.Wait()
		w := webGet(t, c, s)
		if w.Requests != clients*each+1 || w.Connections < 1 || w.Connections > clients {
			t.Errorf("%+v after %d requests on %d connections", w, clients*each, clients)
		}
		tr.CloseIdleConnections()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if w = webGet(t, nil, s); w.Connections == 1 {
				break
			}
			if time.Now().After(end) {
				t.Errorf("the closed connections are still there: %+v", w)
				break
			}
		}
	})
}

// TestOneConnectionPerRequest makes connections that are closed at once.
func TestOneConnectionPerRequest(t *testing.T) {
	web.everywhere(t, func(t *testing.T, s *server) {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
		for i := 0; i < 200; i++ {
			get(t, c, "http://"+s.Addr[80]+"/status")
		}
	})
}

// TestEventStream reads what comes at its own pace, then goes away.
func TestEventStream(t *testing.T) {
	web.everywhere(t, func(t *testing.T, s *server) {
		res, err := http.Get("http://" + s.Addr[80] + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		in, last := bufio.NewScanner(res.Body), 0.0
		for n := 0; n < 5 && in.Scan(); {
			if !strings.HasPrefix(in.Text(), "data: ") {
				continue
			}
			var w webStatus
			if err := json.Unmarshal(in.Bytes()[6:], &w); err != nil {
				t.Fatal(err)
			}
			if w.Uptime <= last || w.Watchers != 1 {
				t.Errorf("%+v after an uptime of %v", w, last)
			}
			last = w.Uptime
			n++
		}
		if last == 0 {
			t.Fatal("no events: ", in.Err())
		}
		res.Body.Close()
		for end := time.Now().Add(10 * time.Second); webGet(t, nil, s).Watchers != 0; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the server does not notice that the page was closed")
			}
		}
	})
}

func TestUDPEcho(t *testing.T) {
	echo := program{dir: "examples/udpecho", ports: []port{{7, true, "-listen"}}, ready: "Echoing"}
	echo.everywhere(t, func(t *testing.T, s *server) {
		c, err := net.Dial("udp", s.Addr[7])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		buf := make([]byte, 65536)
		for _, size := range []int{1, 2, 100, 1400, 1472, 1473, 4000, 9000} {
			data := make([]byte, size)
			rand.New(rand.NewSource(int64(size))).Read(data)
			echoed := false
			for try := 0; try < 5 && !echoed; try++ { // datagrams may be lost
				if _, err := c.Write(data); err != nil {
					t.Fatal(err)
				}
				c.SetReadDeadline(time.Now().Add(3 * time.Second))
				n, err := c.Read(buf)
				echoed = err == nil && bytes.Equal(buf[:n], data)
			}
			if !echoed {
				t.Errorf("%d bytes do not come back", size)
			}
		}
	})
}

func TestHTTPS(t *testing.T) {
	https.everywhere(t, func(t *testing.T, s *server) {
		_, ca := get(t, nil, "http://"+s.Addr[80]+"/ca.pem")
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(ca) {
			t.Fatalf("no certificate: %s", ca)
		}
		url := "https://" + s.Addr[443]
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, http2 := range []bool{true, false} {
				config := &tls.Config{RootCAs: roots, MinVersion: version, MaxVersion: version}
				tr := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: http2, MaxConnsPerHost: 1}
				c := &http.Client{Transport: tr, Timeout: time.Minute}
				want := "Hello over HTTP/1.1"
				if http2 {
					want = "Hello over HTTP/2.0"
				}
				var wg sync.WaitGroup
				for i := 0; i < 20; i++ {
					wg.Add(1)
					go func() {
						defer wg.Done()
						res, err := c.Get(url)
						if err != nil {
							t.Error(err)
							return
						}
						defer res.Body.Close()
						body, err := io.ReadAll(res.Body)
						if err != nil || !strings.HasPrefix(string(body), want) {
							t.Errorf("%v, TLS %x: %q, want %q", err, version, body, want)
						}
					}()
				}
				wg.Wait()
				tr.CloseIdleConnections()
			}
		}
		c := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
		if _, err := c.Get(url); err == nil {
			t.Error("a certificate that nobody vouches for is accepted")
		}
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if res, _ := get(t, c, "http://"+s.Addr[80]+"/x?y=1"); res.Header.Get("Location") != "https://127.0.0.1:8443/x?y=1" {
			t.Errorf("%s, to %s", res.Status, res.Header.Get("Location"))
		}
	})
}

// TestProxy puts the proxy between a client and two servers, both here.
func TestProxy(t *testing.T) {
	handler := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("X-Name", name)
			w.Header().Set("X-Hash", fmt.Sprintf("%x", sha256.Sum256(body)))
			w.Write(body)
		})
	}
	one, two := httptest.NewServer(handler("one")), httptest.NewServer(handler("two"))
	defer one.Close()
	defer two.Close()
	nobody := freePort(t, false)
	for _, target := range append([]string{"native"}, targets()...) {
		t.Run(target, func(t *testing.T) {
			p := program{dir: "examples/proxy", ports: []port{{80, false, "-listen"}}, ready: "Serving on"}
			for _, addr := range []string{one.Listener.Addr().String(), two.Listener.Addr().String(), nobody} {
				p.args = append(p.args, "http://"+hostAddress(target, addr))
			}
			s := p.start(t, target)
			seen := map[string]int{}
			for i := 0; i < 12; i++ {
				res, _ := get(t, nil, "http://"+s.Addr[80]+"/")
				seen[fmt.Sprint(res.StatusCode, " ", res.Header.Get("X-Name"))]++
			}
			// The one that does not answer is tried once, then left alone.
			if seen["502 "] != 1 || seen["200 one"] < 3 || seen["200 two"] < 3 || len(seen) != 3 {
				t.Errorf("answers: %v", seen)
			}
			for _, size := range []int{0, 1, 1460, 1461, 65536, 1 << 20, 5<<20 + 3} {
				data := make([]byte, size)
				rand.New(rand.NewSource(int64(size))).Read(data)
				res, err := http.Post("http://"+s.Addr[80]+"/", "application/octet-stream", bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !bytes.Equal(got, data) || res.Header.Get("X-Hash") != fmt.Sprintf("%x", sha256.Sum256(data)) {
					t.Errorf("%d bytes: %s, %v, %d bytes back", size, res.Status, err, len(got))
				}
			}
		})
	}
}

func TestPingFromInside(t *testing.T) {
	ping := program{dir: "examples/ping"}
	answers := regexp.MustCompile(`(?s)^PING 10.0.2.2, 56 bytes of data\n64 bytes from 10.0.2.2: seq=1 time=\S+\n64 bytes from 10.0.2.2: seq=2 .*2 sent, 2 answered, min/mean/max`)
	for _, target := range targets() {
		target := target
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			if r := ping.runs(t, target, "-c", "2", "-i", "10ms", "10.0.2.2"); r.Code != 0 || !answers.MatchString(r.Output) {
				t.Errorf("exit code %d, output:\n%s", r.Code, r.Output)
			}
			for _, self := range []string{"127.0.0.1", "::1", "10.0.2.15"} {
				r := ping.runs(t, target, "-c", "1", self)
				if r.Code != 0 || !strings.Contains(r.Output, "64 bytes from "+self+": seq=1") {
					t.Errorf("%s: exit code %d, output:\n%s", self, r.Code, r.Output)
				}
			}
			if r := ping.runs(t, target, "-c", "1", "-s", "4000", "10.0.2.2"); !strings.Contains(r.Output, "4008 bytes from") {
				t.Errorf("4000 bytes: exit code %d, output:\n%s", r.Code, r.Output)
			}
			if r := ping.runs(t, target, "-c", "1", "-W", "500ms", "10.0.2.77"); r.Code != 1 {
				t.Errorf("nobody's address: exit code %d, output:\n%s", r.Code, r.Output)
			}
		})
	}
}

// TestOldestGo builds with Go 1.19, whose runtime and net ask for other things.
func TestOldestGo(t *testing.T) {
	goroot := machine.OldestGo(t)
	web, https, ping := web, https, program{dir: "examples/ping", goroot: goroot}
	web.goroot, https.goroot = goroot, goroot
	s := web.start(t, "microvm")
	for i := 0; i < 20; i++ {
		if _, body := get(t, nil, "http://"+s.Addr[80]); !strings.Contains(string(body), "go1.19") {
			t.Fatalf("the page is\n%s", body)
		}
	}
	s = https.start(t, "microvm")
	_, ca := get(t, nil, "http://"+s.Addr[80]+"/ca.pem")
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatalf("no certificate: %s", ca)
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	if _, body := get(t, &http.Client{Transport: tr, Timeout: time.Minute}, "https://"+s.Addr[443]); !strings.HasPrefix(string(body), "Hello over HTTP/2.0") {
		t.Errorf("the page is\n%s", body)
	}
	if r := ping.runs(t, "microvm", "-c", "1", "10.0.2.2"); r.Code != 0 {
		t.Errorf("ping: exit code %d, output:\n%s", r.Code, r.Output)
	}
}
