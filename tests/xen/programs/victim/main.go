// victim reads its disk and sends datagrams for so many seconds, says each second that it is alive, and in the end
// how often the disk could not be read and that it has lost nothing else.
//
//	victim DEV SECONDS
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

func main() {
	seconds, _ := strconv.Atoi(os.Args[2])
	disk, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	keep := bytes.Repeat([]byte("mine"), 1<<18)
	begin, said, failed := time.Now(), -1, 0
	c, err := net.Dial("udp", "10.0.2.2:9")
	if err != nil {
		fmt.Println(err)
	}
	b := make([]byte, 64<<10)
	for time.Since(begin) < time.Duration(seconds)*time.Second {
		if _, err := disk.ReadAt(b, 0); err != nil {
			failed++
		}
		if c != nil {
			c.Write(b[:1000])
		}
		if s := int(time.Since(begin).Seconds()); s != said {
			said = s
			fmt.Println("alive", s, "failed", failed)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !bytes.Equal(keep, bytes.Repeat([]byte("mine"), 1<<18)) {
		fmt.Println("memory has changed")
		os.Exit(2)
	}
	fmt.Println("the end, failed", failed > 0)
}
