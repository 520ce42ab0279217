// proxy is a reverse proxy: it spreads requests over the servers named, leaves out those that do
// not answer, and tells who answered. Under user networking 10.0.2.2 is the host, so this puts a
// machine in front of two servers of yours:
//
//	unigornel run -p 8080:80 ./proxy -- http://10.0.2.2:8001 http://10.0.2.2:8002
//	curl -i localhost:8080
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// retryAfter is how long a server that failed is left alone.
const retryAfter = 5 * time.Second

// backend is one of the servers behind the proxy.
type backend struct {
	url     *url.URL
	proxy   *httputil.ReverseProxy
	downTil int64 // Unix nanoseconds; atomic
}

func newBackend(u *url.URL) *backend {
	b := &backend{url: u, proxy: httputil.NewSingleHostReverseProxy(u)}
	b.proxy.Transport = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
	}
	b.proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("X-Served-By", u.Host)
		return nil
	}
	b.proxy.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
		if r.Context().Err() != nil {
			return // it is the client that went away
		}
		log.Printf("%v: %v", u, err)
		atomic.StoreInt64(&b.downTil, time.Now().Add(retryAfter).UnixNano())
		http.Error(w, fmt.Sprintf("%s does not answer: %v", u.Host, err), http.StatusBadGateway)
	}
	return b
}

func (b *backend) down() bool { return time.Now().UnixNano() < atomic.LoadInt64(&b.downTil) }

// balancer hands requests to its backends in turn.
type balancer struct {
	backends []*backend
	next     uint64
}

// pick is the next backend that is not down, or the next one if all are.
func (l *balancer) pick() *backend {
	n := uint64(len(l.backends))
	first := atomic.AddUint64(&l.next, 1)
	for i := uint64(0); i < n; i++ {
		if b := l.backends[(first+i)%n]; !b.down() {
			return b
		}
	}
	return l.backends[first%n]
}

func (l *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Else the answer's first byte closes the request's body, which may not have been read to its
	// very end yet; the connection to the backend would break. From Go 1.21 on.
	if duplex, ok := w.(interface{ EnableFullDuplex() error }); ok {
		if err := duplex.EnableFullDuplex(); err != nil {
			log.Print(err)
		}
	}
	l.pick().proxy.ServeHTTP(w, r)
}

func main() {
	listen := flag.String("listen", ":80", "address to listen on")
	flag.Parse()
	l := &balancer{}
	for _, arg := range flag.Args() {
		if !strings.Contains(arg, "://") {
			arg = "http://" + arg
		}
		u, err := url.Parse(arg)
		if err != nil || u.Host == "" {
			log.Fatalf("%s is no URL of a server", arg)
		}
		l.backends = append(l.backends, newBackend(u))
	}
	if len(l.backends) == 0 {
		fmt.Fprintln(os.Stderr, "usage: proxy [flags] URL...")
		flag.PrintDefaults()
		os.Exit(2)
	}
	c, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Serving on %v for %s. Ctrl-C stops the machine.\n", c.Addr(), strings.Join(flag.Args(), " "))
	s := &http.Server{Handler: l, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(s.Serve(c))
}
