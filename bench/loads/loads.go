// Package loads puts an HTTP server and the small services of bench/programs/netbench to work.
package loads

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"unigornel/bench/measure"
)

// Result of one load.
type Result struct {
	Count   float64 // requests, round trips
	Seconds float64
	Bytes   float64
	P50     float64 // ms, 0: not measured
	P99     float64
}

// Address is that of the guest.
const Address = "10.77.0.2"

// Load puts the guest to work for d.
type Load struct {
	Name string
	Run  func(d time.Duration) (Result, error)
}

// Record adds what came of a load on a guest to the figures; the CPU time is the host's for all of it.
func (l Load) Record(f *measure.Figures, guest string, r Result, cpu time.Duration) {
	f.Add(l.Name+" cpu-us", guest, float64(cpu.Microseconds())/r.Count)
	if strings.HasPrefix(l.Name, "stream") || strings.HasPrefix(l.Name, "big") {
		f.Add(l.Name+" MB/s", guest, r.Bytes/r.Seconds/1e6)
	} else {
		f.Add(l.Name+" /s", guest, r.Count/r.Seconds)
	}
	if r.P99 != 0 {
		f.Add(l.Name+" p50-ms", guest, r.P50)
		f.Add(l.Name+" p99-ms", guest, r.P99)
	}
}

// Answers makes one HTTP request, for which the guest must take a connection soon.
func Answers(connect time.Duration) bool {
	c, err := net.DialTimeout("tcp4", Address+":8080", connect)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	fmt.Fprintf(c, "GET / HTTP/1.0\r\n\r\n")
	b := make([]byte, 12)
	n, _ := c.Read(b)
	return strings.HasPrefix(string(b[:n]), "HTTP/1.")
}

// All loads.
var All = []Load{
	{"keep-1", wrk(1, "/", false)},
	{"keep-16", wrk(16, "/", false)},
	{"keep-256", wrk(256, "/", false)},
	{"close-16", wrk(16, "/", true)},
	{"big-4", wrk(4, "/big", false)},
	{"tcp-echo", echo("tcp4")},
	{"udp-echo", echo("udp4")},
	{"stream-down", stream("19", false)},
	{"stream-up", stream("9", true)},
}

var (
	wrkCount  = regexp.MustCompile(`(\d+) requests in ([\d.]+)(s|m),`)
	wrkBytes  = regexp.MustCompile(`requests in [\d.]+\w+, ([\d.]+)(B|KB|MB|GB) read`)
	wrkP      = regexp.MustCompile(`(50|99)%\s+([\d.]+)(us|ms|s)`)
	wrkErrors = regexp.MustCompile(`(Socket errors|Non-2xx).*`)
	unit      = map[string]float64{"us": 0.001, "ms": 1, "s": 1000, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
)

func number(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}

// wrk runs wrk(1): connections that ask for path again and again, or one connection per request.
func wrk(connections int, path string, close bool) func(time.Duration) (Result, error) {
	return func(d time.Duration) (Result, error) {
		args := []string{"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", int(d.Seconds())), "--latency"}
		if close {
			args = append(args, "-H", "Connection: close")
		}
		out, err := exec.Command("wrk", append(args, "http://"+Address+":8080"+path)...).CombinedOutput()
		if err != nil {
			return Result{}, fmt.Errorf("wrk: %v\n%s", err, out)
		}
		m := wrkCount.FindStringSubmatch(string(out))
		if m == nil {
			return Result{}, fmt.Errorf("wrk said:\n%s", out)
		}
		r := Result{Count: number(m[1]), Seconds: number(m[2])}
		if m := wrkBytes.FindStringSubmatch(string(out)); m != nil {
			r.Bytes = number(m[1]) * unit[m[2]]
		}
		for _, m := range wrkP.FindAllStringSubmatch(string(out), -1) {
			if v := number(m[2]) * unit[m[3]]; m[1] == "50" {
				r.P50 = v
			} else {
				r.P99 = v
			}
		}
		if e := wrkErrors.FindString(string(out)); e != "" {
			fmt.Println("    wrk:", e)
		}
		return r, nil
	}
}

// echo sends 64 bytes and waits for them, one at a time.
func echo(network string) func(time.Duration) (Result, error) {
	return func(d time.Duration) (Result, error) {
		c, err := net.Dial(network, Address+":7")
		if err != nil {
			return Result{}, err
		}
		defer c.Close()
		b := make([]byte, 64)
		begin, lost := time.Now(), 0
		r := Result{}
		for time.Since(begin) < d {
			c.SetDeadline(time.Now().Add(time.Second))
			if _, err := c.Write(b); err != nil {
				return r, err
			}
			if _, err := io.ReadFull(c, b); err != nil {
				if lost++; network != "udp4" || lost > 3 {
					return r, err
				}
				continue
			}
			r.Count++
		}
		r.Seconds = time.Since(begin).Seconds()
		return r, nil
	}
}

// stream moves bytes over one connection, up (to the guest) or down.
func stream(port string, up bool) func(time.Duration) (Result, error) {
	return func(d time.Duration) (Result, error) {
		c, err := net.Dial("tcp4", Address+":"+port)
		if err != nil {
			return Result{}, err
		}
		defer c.Close()
		b := make([]byte, 256<<10)
		begin := time.Now()
		r := Result{}
		c.SetDeadline(begin.Add(d + 5*time.Second))
		for time.Since(begin) < d {
			n := 0
			if up {
				n, err = c.Write(b)
			} else {
				n, err = c.Read(b)
			}
			if err != nil {
				return r, err
			}
			r.Bytes += float64(n)
		}
		r.Seconds = time.Since(begin).Seconds()
		r.Count = r.Bytes / (1 << 20)
		return r, nil
	}
}
