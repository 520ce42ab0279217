// peer is the guest's end of the network tests: it sends and takes streams whose contents both ends know.
//
//	8080  HTTP: / (13 bytes), /bytes?n=N (a stream), POST /sum (sha256 of the body), /fetch?url=URL (sha256 of
//	      what the machine itself downloads), /push?to=ADDRESS&n=N (sends a stream over TCP), /file?path=PATH
//	8443  the same over TLS and HTTP/2
//	7     echo, TCP and UDP (RFC 862)
//	9     discard (RFC 863)
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"

	"unigornel/tests/net/stream"
)

func check(err error) {
	if err != nil {
		fmt.Println("peer:", err)
		os.Exit(1)
	}
}

func count(r *http.Request) int64 {
	n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
	return n
}

func routes() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "Hello World!\n") })
	http.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", r.FormValue("n"))
		io.CopyBuffer(w, struct{ io.Reader }{stream.New(count(r))}, make([]byte, 256<<10))
	})
	http.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		body := &stream.Watch{Reader: r.Body}
		n, err := io.CopyBuffer(h, struct{ io.Reader }{body}, make([]byte, 256<<10))
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Header().Set("Longest-Pause", body.Longest.String())
		fmt.Fprintf(w, "%d %x\n", n, h.Sum(nil))
	})
	http.HandleFunc("/fetch", func(w http.ResponseWriter, r *http.Request) {
		answer, err := http.Get(r.FormValue("url"))
		if err != nil {
			http.Error(w, err.Error(), 502)
			return
		}
		defer answer.Body.Close()
		h := sha256.New()
		n, err := io.Copy(h, answer.Body)
		if err != nil {
			http.Error(w, err.Error(), 502)
			return
		}
		fmt.Fprintf(w, "%d %x\n", n, h.Sum(nil))
	})
	http.HandleFunc("/push", func(w http.ResponseWriter, r *http.Request) {
		c, err := net.Dial("tcp", r.FormValue("to"))
		if err != nil {
			http.Error(w, err.Error(), 502)
			return
		}
		defer c.Close()
		n, err := io.CopyBuffer(struct{ io.Writer }{c}, stream.New(count(r)), make([]byte, 256<<10))
		if err == nil {
			err = c.(*net.TCPConn).CloseWrite()
		}
		if err == nil {
			_, err = io.Copy(io.Discard, c)
		}
		fmt.Fprintln(w, n, err)
	})
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		data, err := os.ReadFile(r.FormValue("path"))
		if err != nil {
			http.Error(w, err.Error(), 404)
			return
		}
		w.Write(data)
	})
	http.HandleFunc("/memory", func(w http.ResponseWriter, r *http.Request) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Fprintf(w, "goroutines %d heap %d\n", runtime.NumGoroutine(), m.HeapAlloc)
	})
}

func serve(port string, f func(net.Conn)) {
	l, err := net.Listen("tcp", ":"+port)
	check(err)
	go func() {
		for {
			c, err := l.Accept()
			check(err)
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
}

// certificate is self-made: nobody verifies it, it only has to carry TLS.
func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour), DNSNames: []string{"peer"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func main() {
	routes()
	serve("7", func(c net.Conn) { io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}) })
	serve("9", func(c net.Conn) { io.Copy(io.Discard, c) })
	u, err := net.ListenPacket("udp", ":7")
	check(err)
	go func() {
		b := make([]byte, 65536)
		for {
			n, from, err := u.ReadFrom(b)
			check(err)
			u.WriteTo(b[:n], from)
		}
	}()
	quiet := log.New(io.Discard, "", 0)
	secure, err := net.Listen("tcp", ":8443")
	check(err)
	go func() {
		s := &http.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate()}}, ErrorLog: quiet}
		check(s.ServeTLS(secure, "", ""))
	}()
	l, err := net.Listen("tcp", ":8080")
	check(err)
	fmt.Println("PEER-READY")
	check((&http.Server{ErrorLog: quiet}).Serve(l))
}
