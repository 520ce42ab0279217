// Life is what the toolstack is tried on: it prints the time, or downloads, until it is told to end.
//
//	life              ticks: monotonic and wall clock, memory
//	life download URL the body's length and hash, with words about the progress
//	life download URL DISK
//	                  likewise; the body goes to the disk as well, and is read from there in the end
//
// SIGTERM ends it with exit code 5.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func memory() string {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(strings.SplitN(string(text), "\n", 2)[0])[:2], " ")
}

var start = time.Now()

func tick(n int) {
	now := time.Now()
	fmt.Printf("tick %d monotonic %.3f wall %.3f %s\n", n, now.Sub(start).Seconds(),
		float64(now.UnixMilli())/1000, memory())
}

func must(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// discard is a disk for those who have none.
type discard struct{}

func (discard) WriteAt(b []byte, at int64) (int, error) { return len(b), nil }
func (discard) Sync() error                             { return nil }

func download(url, disk string) {
	var to interface {
		io.WriterAt
		Sync() error
	} = discard{}
	if disk != "" {
		f, err := os.OpenFile(disk, os.O_RDWR, 0)
		must(err)
		to = f
	}
	r, err := http.Get(url)
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	defer r.Body.Close()
	hash := sha256.New()
	buffer := make([]byte, 256<<10)
	total, said := 0, 0
	for {
		n, err := r.Body.Read(buffer)
		hash.Write(buffer[:n])
		_, failed := to.WriteAt(buffer[:n], int64(total))
		must(failed)
		total += n
		if total>>20 >= said+2 {
			said = total >> 20
			must(to.Sync())
			fmt.Printf("%d MiB at %.3f\n", said, time.Since(start).Seconds())
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println("failed:", err)
			return
		}
	}
	must(to.Sync())
	if f, ok := to.(*os.File); ok {
		hash.Reset()
		_, err := io.Copy(hash, io.NewSectionReader(f, 0, int64(total)))
		must(err)
	}
	fmt.Printf("downloaded %d bytes, hash %x\n", total, hash.Sum(nil))
}

func main() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	fmt.Println("up")
	if len(os.Args) > 2 {
		go download(os.Args[2], strings.Join(os.Args[3:], ""))
	}
	for n := 0; ; n++ {
		if len(os.Args) <= 2 {
			tick(n)
		}
		select {
		case s := <-c:
			fmt.Println("got", s)
			os.Exit(5)
		case <-time.After(500 * time.Millisecond):
		}
	}
}
