// netbench serves what bench-net asks for: HTTP on 8080 (/ has 13 bytes, /big 1 MiB), and the small services of
// RFC 862 (echo, TCP and UDP, port 7), RFC 863 (discard, port 9) and RFC 864 (an endless source, port 19).
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"unigornel/bench/guest"
)

func check(err error) {
	if err != nil {
		fmt.Println("BENCH-ERROR", err)
		guest.Off()
		os.Exit(1)
	}
}

// serve runs f for every connection to the port.
func serve(port string, f func(net.Conn)) {
	l, err := net.Listen("tcp4", ":"+port)
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

func main() {
	fmt.Println("BENCH-MAIN")
	check(guest.Network(10, 77, 0, 2))
	big := make([]byte, 1<<20)
	for i := range big {
		big[i] = byte('a' + i%26)
	}
	serve("7", func(c net.Conn) {
		b := make([]byte, 64<<10)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			if _, err := c.Write(b[:n]); err != nil {
				return
			}
		}
	})
	serve("9", func(c net.Conn) {
		b := make([]byte, 256<<10)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	})
	serve("19", func(c net.Conn) {
		for {
			if _, err := c.Write(big[:256<<10]); err != nil {
				return
			}
		}
	})
	u, err := net.ListenPacket("udp4", ":7")
	check(err)
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := u.ReadFrom(b)
			check(err)
			u.WriteTo(b[:n], from)
		}
	}()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "13")
		io.WriteString(w, "Hello World!\n")
	})
	http.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1048576")
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(big)
	})
	l, err := net.Listen("tcp4", ":8080")
	check(err)
	fmt.Println("BENCH-LISTEN")
	check(http.Serve(l, nil))
}
