// rawhttp is one web server on either of two network stacks: the kernel's, written in C, or one in
// which every layer is written in Go (gVisor's, by way of the package unigornel/netstack), on the raw
// Ethernet frames of an interface that the kernel leaves alone.
//
//	unigornel run -p 8080:80 ./rawhttp                          the kernel's stack
//	unigornel run -p 8080:80 --raw ./rawhttp -- -stack go       Go's stack
//	curl localhost:8080
//
// It is a module of its own, as the Go stack brings a few others.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"unigornel/netstack"
)

func main() {
	log.SetFlags(0)
	which := flag.String("stack", "kernel", "the network stack: kernel or go")
	iface := flag.String("interface", "eth0", "the interface of the Go stack")
	address := flag.String("address", "", "its address, for instance 10.0.2.15/24; empty: asked for by DHCP")
	gateway := flag.String("gateway", "", "its router, if the address is given")
	listen := flag.String("listen", ":80", "where to listen")
	flag.Parse()

	l, addresses, err := open(*which, *iface, *address, *gateway, *listen)
	if err != nil {
		log.Fatal(err)
	}
	began := time.Now()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello from the %s stack of %s.\n", *which, host())
		fmt.Fprintf(w, "You are %s. I am %s, %s, up for %v.\n", r.RemoteAddr, addresses, runtime.Version(), time.Since(began).Round(time.Millisecond))
	})
	http.HandleFunc("/bulk", func(w http.ResponseWriter, r *http.Request) {
		block := []byte(strings.Repeat("0123456789abcde\n", 4096))
		for i := 0; i < 256; i++ { // 16 MiB
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	log.Printf("serving at %v on the %s stack, addresses %s", l.Addr(), *which, addresses)
	log.Fatal(http.Serve(l, nil))
}

// open listens on the stack of that name and tells the stack's addresses.
func open(which, iface, address, gateway, listen string) (net.Listener, string, error) {
	switch which {
	case "kernel":
		l, err := net.Listen("tcp", listen)
		all, _ := net.InterfaceAddrs()
		return l, fmt.Sprint(all), err
	case "go":
		config := netstack.Config{Interface: iface, Hostname: host()}
		if address != "" {
			a, err := netip.ParsePrefix(address)
			if err != nil {
				return nil, "", err
			}
			config.Addresses = []netip.Prefix{a}
		}
		if gateway != "" {
			g, err := netip.ParseAddr(gateway)
			if err != nil {
				return nil, "", err
			}
			config.Gateways = []netip.Addr{g}
		}
		s, err := netstack.Open(config)
		if err != nil {
			return nil, "", err
		}
		l, err := s.Listen("tcp", listen)
		return l, fmt.Sprint(s.Addresses()), err
	}
	return nil, "", fmt.Errorf("there is no stack %q: kernel or go", which)
}

func host() string {
	name, err := os.Hostname()
	if err != nil {
		return err.Error()
	}
	return name
}
