package net_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"unigornel/tests/machine"
	"unigornel/tests/netns"
)

// ask makes a request over an open connection.
func ask(c net.Conn, r *bufio.Reader, limit time.Duration) error {
	c.SetDeadline(time.Now().Add(limit))
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: peer\r\n\r\n"); err != nil {
		return err
	}
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// A thousand connections that idle most of the time.
func TestIdleConnections(t *testing.T) {
	direct(t)
	boot(t, "-m", "128M")
	const n = 1000
	conns, readers := make([]net.Conn, n), make([]*bufio.Reader, n)
	for i := range conns {
		c, err := net.DialTimeout("tcp", port(guest4, "8080"), 10*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer c.Close()
		conns[i], readers[i] = c, bufio.NewReader(c)
		if err := ask(c, readers[i], 10*time.Second); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	time.Sleep(pick(2*time.Second, 60*time.Second))
	for i, c := range conns {
		if err := ask(c, readers[i], 10*time.Second); err != nil {
			t.Fatalf("connection %d after idling: %v", i, err)
		}
	}
}

// Ten thousand connections, each for one request, several at a time.
func TestShortConnections(t *testing.T) {
	direct(t)
	g := boot(t)
	total, workers := pick(3000, 10000), 16
	var wg sync.WaitGroup
	failures := make(chan error, workers)
	for w := 0; w < workers; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < total/workers; i++ {
				if err := get("http://"+port(guest4, "8080")+"/", 10*time.Second); err != nil {
					failures <- err
					return
				}
			}
		}()
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	t.Logf("counters afterwards:\n%s", g.file("/proc/net/unigornel"))
}

// A peer that reads slowly must not hold up others, nor memory beyond its buffers.
func TestSlowReader(t *testing.T) {
	direct(t)
	boot(t)
	c, err := net.Dial("tcp", port(guest4, "8080"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const n = 8 * mib
	fmt.Fprintf(c, "GET /bytes?n=%d HTTP/1.0\r\n\r\n", n)
	begin, got := time.Now(), 0
	b := make([]byte, 64<<10)
	for i := 0; ; i++ {
		m, err := c.Read(b)
		got += m
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if i < 60 {
			time.Sleep(50 * time.Millisecond)
			if err := get("http://"+port(guest4, "8080")+"/", 2*time.Second); err != nil {
				t.Fatal("another client meanwhile:", err)
			}
		}
	}
	if got < n {
		t.Errorf("%d bytes of %d", got, n)
	}
	t.Logf("%v", time.Since(begin).Round(time.Millisecond))
}

// The cable is pulled in the middle of a transfer and put back; the transfer goes on.
func TestCablePulled(t *testing.T) {
	direct(t)
	boot(t)
	const n = 32 * mib
	done := make(chan error, 1)
	go func() {
		r, err := machine.Client(0).Get(fmt.Sprintf("http://%s/bytes?n=%d", port(guest4, "8080"), n))
		if err == nil {
			defer r.Body.Close()
			// Slowly enough that the cable is pulled before the end.
			b := make([]byte, 64<<10)
			for got := 0; err == nil; {
				var m int
				m, err = r.Body.Read(b)
				if got += m; err == io.EOF && got == n {
					err = nil
					break
				}
				time.Sleep(4 * time.Millisecond)
			}
		}
		done <- err
	}()
	time.Sleep(500 * time.Millisecond)
	netns.MustIP(t, "link set "+tapName+" down")
	time.Sleep(pick(3*time.Second, 20*time.Second))
	netns.MustIP(t, "link set "+tapName+" up", "addr replace "+host6+"/64 dev "+tapName+" nodad",
		"neigh replace "+guest4+" lladdr "+guestMAC+" dev "+tapName+" nud permanent",
		"neigh replace "+guest6+" lladdr "+guestMAC+" dev "+tapName+" nud permanent")
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(pick(30*time.Second, 90*time.Second)):
		t.Fatal("the transfer did not go on")
	}
}

// A peer that vanishes for good, with data on its way to it and while connecting: the machine serves others.
func TestPeerVanishes(t *testing.T) {
	direct(t)
	boot(t)
	const ghost = "10.79.0.77"
	netns.MustIP(t, "addr add "+ghost+"/24 dev "+tapName)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ghost)}}
	for i := 0; i < 20; i++ {
		c, err := dialer.Dial("tcp", port(guest4, "8080"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /bytes?n=%d HTTP/1.0\r\n\r\n", 64*mib)
	}
	netns.MustIP(t, "addr del "+ghost+"/24 dev "+tapName)
	for i := 0; i < pick(20, 300); i++ {
		if err := get("http://"+port(guest4, "8080")+"/", 2*time.Second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
