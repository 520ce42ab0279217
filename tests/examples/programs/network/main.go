// network prints what a program finds out about its network, and does what its arguments say:
//
//	resolve NAME, get URL, dial ADDR, frames N
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

func show() {
	all, err := net.Interfaces()
	fmt.Println("interfaces:", err)
	for _, i := range all {
		fmt.Printf("%s: %v mtu %d %v\n", i.Name, i.HardwareAddr, i.MTU, i.Flags)
		addrs, err := i.Addrs()
		if err != nil {
			fmt.Println(err)
		}
		for _, a := range addrs {
			fmt.Printf("%s has %v\n", i.Name, a)
		}
	}
	text, err := os.ReadFile("/etc/resolv.conf")
	for _, line := range strings.Split(string(text), "\n") {
		if line != "" && line[0] != '#' {
			fmt.Println("resolv.conf:", line)
		}
	}
	if err != nil {
		fmt.Println(err)
	}
}

func get(url string) error {
	c := http.Client{Timeout: 20 * time.Second}
	r, err := c.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	fmt.Printf("%s %s %d bytes, %v\n", r.Proto, r.Status, len(body), err)
	return err
}

// frames counts Ethernet frames that carry IPv4 or ARP, on a packet socket.
func frames(n int) error {
	const all = 3 << 8 // ETH_P_ALL, network byte order
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, all)
	if err != nil {
		return err
	}
	// A frame of our own: an ARP request for 10.0.2.2, which QEMU answers.
	ifc, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	arp := append([]byte("\xff\xff\xff\xff\xff\xff"), ifc.HardwareAddr...)
	arp = append(arp, "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"...)
	arp = append(append(arp, ifc.HardwareAddr...), 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2)
	to := &syscall.SockaddrLinklayer{Protocol: all, Ifindex: ifc.Index}
	if err := syscall.Sendto(fd, arp, 0, to); err != nil {
		return err
	}
	tv := syscall.Timeval{Sec: 10}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &tv); err != nil {
		return err
	}
	buf := make([]byte, 2048)
	for {
		k, _, err := syscall.Recvfrom(fd, buf, 0)
		if err != nil {
			return err
		}
		if k >= 42 && buf[12] == 8 && buf[13] == 6 && buf[21] == 2 {
			fmt.Printf("%v is at %v\n", net.IP(buf[28:32]), net.HardwareAddr(buf[22:28]))
			return nil
		}
	}
}

func main() {
	show()
	for args := os.Args[1:]; len(args) >= 2; args = args[2:] {
		var err error
		switch args[0] {
		case "resolve":
			var addrs []string
			addrs, err = net.LookupHost(args[1])
			fmt.Println(args[1], "has", len(addrs) > 0)
		case "get":
			err = get(args[1])
		case "dial":
			var c net.Conn
			if c, err = net.DialTimeout("tcp", args[1], 10*time.Second); err == nil {
				fmt.Println("connected from", c.LocalAddr().(*net.TCPAddr).IP)
				c.Close()
			}
		case "frames":
			err = frames(1)
		}
		if err != nil {
			fmt.Println(args[0]+":", err)
		}
	}
}
