// https serves HTTPS with HTTP/2, with a certificate that it makes itself at the start; plain HTTP
// gives out that certificate. It is also a client that verifies certificates with the roots that
// the tool has put into the image.
//
//	unigornel run -p 8080:80 -p 8443:443 ./https
//	curl localhost:8080/ca.pem >ca.pem; curl --cacert ca.pem https://localhost:8443
//
//	unigornel run ./https -- -get https://go.dev
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

// makeCertificate makes one for localhost, the machine's name and its addresses; also as PEM.
func makeCertificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	c := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "a machine that is one Go program"},
		NotBefore:             time.Now().Add(-time.Hour), // clocks differ
		NotAfter:              time.Now().AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if name, err := os.Hostname(); err == nil {
		c.DNSNames = append(c.DNSNames, name)
	}
	if all, err := net.InterfaceAddrs(); err == nil {
		for _, a := range all {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() {
				c.IPAddresses = append(c.IPAddresses, n.IP)
			}
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "Hello over %s, %s.\n", r.Proto, tls.CipherSuiteName(r.TLS.CipherSuite))
}

// plain hands out the certificate, and sends everything else to the encrypted side.
func plain(certificate []byte, port string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ca.pem", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		w.Write(certificate)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		http.Redirect(w, r, "https://"+net.JoinHostPort(host, port)+r.RequestURI, http.StatusPermanentRedirect)
	})
	return mux
}

func serve(secure, open, redirect string) error {
	certificate, text, err := makeCertificate()
	if err != nil {
		return err
	}
	c, err := net.Listen("tcp", open)
	if err != nil {
		return err
	}
	go func() {
		s := &http.Server{Handler: plain(text, redirect), ReadHeaderTimeout: 10 * time.Second}
		log.Fatal(s.Serve(c))
	}()
	tc, err := net.Listen("tcp", secure)
	if err != nil {
		return err
	}
	fmt.Printf("Serving HTTPS on %v, HTTP on %v. Ctrl-C stops the machine.\n", tc.Addr(), c.Addr())
	fmt.Printf("Certificate's SHA-256: %x\n", sha256.Sum256(certificate.Certificate[0]))
	s := &http.Server{
		Handler:           http.HandlerFunc(hello),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}},
		ReadHeaderTimeout: 10 * time.Second,
	}
	return s.ServeTLS(tc, "", "") // HTTP/2 comes with it
}

// get fetches a page and says who vouches for the server.
func get(url string) error {
	client := &http.Client{Timeout: 30 * time.Second}
	start := time.Now()
	r, err := client.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return err
	}
	fmt.Printf("%s %s, %d bytes in %v\n", r.Proto, r.Status, n, time.Since(start).Round(time.Millisecond))
	if r.TLS != nil {
		chain := r.TLS.VerifiedChains[0]
		for i, c := range chain {
			name := c.Subject.CommonName
			if name == "" && len(c.Subject.Organization) > 0 {
				name = c.Subject.Organization[0]
			}
			fmt.Printf("  %d: %s, valid until %s\n", i, name, c.NotAfter.Format("2006-01-02"))
		}
	}
	return nil
}

func main() {
	listen := flag.String("listen", ":443", "address for HTTPS")
	open := flag.String("http", ":80", "address for HTTP")
	redirect := flag.String("port", "8443", "port of the host that leads to HTTPS")
	url := flag.String("get", "", "fetch this `URL` instead of serving")
	flag.Parse()
	var err error
	if *url != "" {
		err = get(*url)
	} else {
		err = serve(*listen, *open, *redirect)
	}
	if err != nil {
		log.Fatal(err)
	}
}
