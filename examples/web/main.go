// web is a web server with a machine to itself. Its page shows what the machine is doing while you
// look; curl gets the same as text.
//
//	unigornel run -p 8080:80 ./web
//	curl localhost:8080                      (or open http://localhost:8080 in a browser)
package main

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

//go:embed page.html
var page []byte

// began is when the program started, which is a few milliseconds after the machine did.
var began = time.Now()

// server counts what it is asked.
type server struct {
	requests, connections, watchers int64
}

// status is what the page shows.
type status struct {
	Host        string  `json:"host"`
	Go          string  `json:"go"`
	Addresses   string  `json:"addresses"`
	CPUs        int     `json:"cpus"`
	Uptime      float64 `json:"uptime"` // seconds
	Requests    int64   `json:"requests"`
	Connections int64   `json:"connections"` // open now
	Watchers    int64   `json:"watchers"`    // pages open now
	Goroutines  int     `json:"goroutines"`
	Heap        uint64  `json:"heap"`   // bytes that the program uses
	Memory      uint64  `json:"memory"` // bytes that the Go runtime has from the machine
	Collections uint32  `json:"collections"`
}

func (s *server) status() status {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	host, err := os.Hostname()
	if err != nil {
		host = err.Error()
	}
	return status{
		Host:        host,
		Go:          runtime.Version(),
		Addresses:   addresses(),
		CPUs:        runtime.NumCPU(),
		Uptime:      time.Since(began).Seconds(),
		Requests:    atomic.LoadInt64(&s.requests),
		Connections: atomic.LoadInt64(&s.connections),
		Watchers:    atomic.LoadInt64(&s.watchers),
		Goroutines:  runtime.NumGoroutine(),
		Heap:        m.HeapAlloc,
		Memory:      m.Sys - m.HeapReleased,
		Collections: m.NumGC,
	}
}

// addresses lists the machine's own, without the loopback's and those of a link alone.
func addresses() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return err.Error()
	}
	var own []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			own = append(own, n.IP.String())
		}
	}
	return strings.Join(own, ", ")
}

const mib = 1 << 20

func (s status) String() string {
	return fmt.Sprintf(`Hello from a machine that is one Go program.

  up           %v
  requests     %d
  connections  %d
  memory       %.1f MiB, of which the program uses %.1f
  goroutines   %d
  this is      %s on %d CPU, called %s, at %s
`, time.Duration(s.Uptime*1e9).Round(time.Millisecond), s.Requests, s.Connections, float64(s.Memory)/mib, float64(s.Heap)/mib,
		s.Goroutines, s.Go, s.CPUs, s.Host, s.Addresses)
}

// home is the page for a browser, and text for anyone else.
func (s *server) home(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		fmt.Fprint(w, s.status())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(page)
}

func (s *server) json(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s.status())
}

// events sends the status four times a second for as long as the page is open.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "this connection cannot be streamed on", http.StatusInternalServerError)
		return
	}
	atomic.AddInt64(&s.watchers, 1)
	defer atomic.AddInt64(&s.watchers, -1)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := json.Marshal(s.status())
		if err != nil {
			log.Print(err)
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil {
			return
		}
		flusher.Flush()
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// handler counts requests and hands them on.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", s.home)
	mux.HandleFunc("/status", s.json)
	mux.HandleFunc("/events", s.events)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		atomic.AddInt64(&s.requests, 1)
		mux.ServeHTTP(w, r)
	})
}

func main() {
	listen := flag.String("listen", ":80", "address to listen on")
	flag.Parse()
	s := &server{}
	h := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				atomic.AddInt64(&s.connections, 1)
			case http.StateClosed, http.StateHijacked:
				atomic.AddInt64(&s.connections, -1)
			}
		},
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Serving on %v, %v after the start. Ctrl-C stops the machine.\n", l.Addr(), time.Since(began).Round(100*time.Microsecond))
	log.Fatal(h.Serve(l))
}
