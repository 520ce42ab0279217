package net_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// latencies of one kind of request in one minute.
type latencies struct {
	mu   sync.Mutex
	took []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	l.took = append(l.took, d)
	l.mu.Unlock()
}

// minute takes what has come together: how many, their median and 99th percentile.
func (l *latencies) minute() (n int, p50, p99 time.Duration) {
	l.mu.Lock()
	took := l.took
	l.took = nil
	l.mu.Unlock()
	if len(took) == 0 {
		return 0, 0, 0
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	return len(took), took[len(took)/2], took[len(took)*99/100]
}

// held is what /proc/net/unigornel says the stack holds; counts of traffic and what differs by the moment left out.
func (g *guest) held() string {
	var lines []string
	for _, l := range strings.Split(g.file("/proc/net/unigornel"), "\n") {
		f := strings.Fields(l)
		if len(f) == 2 && f[0] != "route_generation" && f[0] != "alloc_failures" && f[0] != "neighbours" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// Mixed load for as long as NET_SOAK says (1h): keep-alive connections, short ones, datagrams, and many that idle.
// Afterwards the machine holds what it held before, and answers as fast.
func TestSoak(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("NET_SOAK"))
	if err != nil {
		t.Skip("NET_SOAK=1h runs it")
	}
	direct(t)
	g := boot(t, "-m", "64M")
	url := "http://" + port(guest4, "8080") + "/"
	for i := 0; i < 200; i++ { // what the program allocates once
		if err := get(url, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(65 * time.Second) // TIME-WAIT
	before, memory := g.held(), text(t, url+"memory")

	stop := make(chan struct{})
	var all sync.WaitGroup
	kinds := map[string]*latencies{"keep-alive": {}, "short": {}, "datagram": {}}
	worker := func(kind string, pause time.Duration, f func() error) {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				select {
				case <-stop:
					return
				case <-time.After(pause):
				}
				begin := time.Now()
				if err := f(); err != nil {
					t.Errorf("%s: %v", kind, err)
					return
				}
				kinds[kind].add(time.Since(begin))
			}
		}()
	}
	var idle []net.Conn
	dial := func(network, p string) net.Conn {
		c, err := net.Dial(network, port(guest4, p))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for i := 0; i < 300; i++ {
		idle = append(idle, dial("tcp", "8080"))
	}
	for i := 0; i < 8; i++ {
		c := dial("tcp", "8080")
		idle = append(idle, c)
		r := bufio.NewReader(c)
		worker("keep-alive", 20*time.Millisecond, func() error { return ask(c, r, 20*time.Second) })
		worker("short", 100*time.Millisecond, func() error { return get(url, 20*time.Second) })
	}
	for i := 0; i < 4; i++ {
		c := dial("udp", "7")
		idle = append(idle, c)
		b := make([]byte, 512)
		worker("datagram", 20*time.Millisecond, func() error {
			c.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := c.Write(b); err != nil {
				return err
			}
			_, err := c.Read(b)
			return err
		})
	}
	history := map[string][]time.Duration{}
	for begin := time.Now(); time.Since(begin) < duration && !t.Failed(); {
		time.Sleep(time.Minute)
		line := fmt.Sprintf("%3.0f min", time.Since(begin).Minutes())
		for _, k := range []string{"keep-alive", "short", "datagram"} {
			n, p50, p99 := kinds[k].minute()
			history[k] = append(history[k], p50)
			line += fmt.Sprintf("  %s %d, %v, %v", k, n, p50.Round(10*time.Microsecond), p99.Round(10*time.Microsecond))
		}
		fmt.Println(line)
	}
	close(stop)
	all.Wait()
	for _, c := range idle {
		c.Close()
	}
	time.Sleep(70 * time.Second)
	after := g.held()
	if after != before {
		t.Errorf("held before:\n%s\nheld after:\n%s", before, after)
	}
	t.Logf("before: %safter: %s%s", memory, text(t, url+"memory"), after)
	for k, h := range history {
		third := len(h) / 3
		if third == 0 {
			continue
		}
		median := func(d []time.Duration) time.Duration {
			d = append([]time.Duration{}, d...)
			sort.Slice(d, func(i, j int) bool { return d[i] < d[j] })
			return d[len(d)/2]
		}
		first, last := median(h[:third]), median(h[len(h)-third:])
		t.Logf("%s: median %v in the first third, %v in the last", k, first, last)
		if last > 2*first+time.Millisecond {
			t.Errorf("%s has become slower", k)
		}
	}
}
