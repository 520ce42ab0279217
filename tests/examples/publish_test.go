package examples

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestPublishedOnIPv6 goes through the tool's own forwarder, as QEMU has none for IPv6.
func TestPublishedOnIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here: ", err)
	} else {
		l.Close()
	}
	web := web
	web.host = "[::1]"
	s := web.start(t, "microvm")
	var wg sync.WaitGroup
	for i := 0; i < 50; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
			r, err := c.Get("http://" + s.Addr[80])
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			if body, err := io.ReadAll(r.Body); err != nil || !bytes.HasPrefix(body, []byte("Hello from a machine")) {
				t.Errorf("%v, body %q", err, body)
			}
		}()
	}
	wg.Wait()
	echo := program{dir: "examples/udpecho", ports: []port{{7, true, "-listen"}}, ready: "Echoing", host: "[::1]"}
	s = echo.start(t, "microvm")
	for i := 0; i < 10; i++ {
		c, err := net.Dial("udp", s.Addr[7])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		data, got := fmt.Sprint("datagram ", i), make([]byte, 100)
		n := 0
		for try := 0; try < 5 && string(got[:n]) != data; try++ {
			if _, err := io.WriteString(c, data); err != nil {
				t.Fatal(err)
			}
			c.SetReadDeadline(time.Now().Add(3 * time.Second))
			n, _ = c.Read(got)
		}
		if string(got[:n]) != data {
			t.Errorf("%q comes back as %q", data, got[:n])
		}
	}
}
