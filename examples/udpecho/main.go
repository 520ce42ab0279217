// udpecho sends every datagram back to whom it came from.
//
//	unigornel run -p 7007:7/udp ./udpecho
//	nc -u localhost 7007                     (type something)
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"syscall"
)

func main() {
	listen := flag.String("listen", ":7", "address to listen on")
	quiet := flag.Bool("quiet", false, "do not print what arrives")
	flag.Parse()
	c, err := net.ListenPacket("udp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Echoing datagrams on %v. Ctrl-C stops the machine.\n", c.LocalAddr())
	buf := make([]byte, 65536)
	for n := 1; ; n++ {
		length, from, err := c.ReadFrom(buf)
		if err != nil {
			log.Fatal(err)
		}
		if !*quiet {
			fmt.Printf("%d: %d bytes from %v\n", n, length, from)
		}
		// A peer that has gone away says so in answer to an earlier datagram; others are still
		// there.
		if _, err := c.WriteTo(buf[:length], from); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			log.Print(err)
		}
	}
}
