// disk uses a block device as programs do, and says what came of it: the guest's half of the block
// tests. The same runs on Linux, on a loop device.
//
//	disk probe DEV            what the calls answer, one per line, the same on every good kernel
//	disk check DEV SEED       random transfers, many at once, against what memory says; ends with "ok"
//	disk bursts DEV N         N times a few small writes at once, each time until all are done; ends with "ok"
//	disk fill DEV N SEED      N pseudo-random bytes from the start on, synced; prints their SHA-256
//	disk hash DEV N           SHA-256 of the first N bytes
//	disk log DEV SEED [nosync]  records without end, "N G" once record N of log G is synced (logs.go)
//	disk info DEV             what /proc and /sys say of it
//	disk tail DEV             writes and reads the last bytes of a large disk
//	disk errors DEV           reads and writes sector by sector, and prints which failed
//	disk size DEV             prints the size until it has changed, and then tries the new end
//	disk speed DEV            bytes per second, for a person
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

func min[T int | int64](a, b T) T {
	if a < b {
		return a
	}
	return b
}

func max[T int | int64](a, b T) T {
	if a > b {
		return a
	}
	return b
}

func fatal(format string, args ...any) {
	fmt.Printf("FAIL: "+format+"\n", args...)
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		fatal("%v", err)
	}
}

// together runs f for 0 to n-1, all at once, and waits for them.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := 0; i < n; i++ {
		i := i
		all.Add(1)
		go func() {
			defer all.Done()
			f(i)
		}()
	}
	all.Wait()
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 0, 64)
	must(err)
	return n
}

func open(dev string, flags int) *os.File {
	f, err := os.OpenFile(dev, flags, 0)
	must(err)
	return f
}

func sizeOf(f *os.File) int64 {
	n, err := f.Seek(0, io.SeekEnd)
	must(err)
	return n
}

// fill writes while others read: the writer's buffer is used again for the next part.
func fill(dev string, n, seed int64) {
	f := open(dev, os.O_WRONLY)
	r := rand.New(rand.NewSource(seed))
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for at := int64(0); at < n; {
		part := min(n-at, int64(len(buf)))
		r.Read(buf[:part])
		h.Write(buf[:part])
		m, err := f.Write(buf[:part])
		must(err)
		at += int64(m)
	}
	must(f.Sync())
	must(f.Close())
	fmt.Printf("%x\n", h.Sum(nil))
}

func hash(dev string, n int64) {
	f := open(dev, os.O_RDONLY)
	h := sha256.New()
	m, err := io.CopyBuffer(h, io.LimitReader(struct{ io.Reader }{f}, n), make([]byte, 1<<20))
	must(err)
	if m != n {
		fatal("%d bytes of %d", m, n)
	}
	fmt.Printf("%x\n", h.Sum(nil))
}

// errors tells which sectors of a failing disk can be used.
func failures(dev string) {
	f := open(dev, os.O_RDWR)
	size := sizeOf(f)
	buf := make([]byte, 512)
	for at := int64(0); at < min(size, 64<<10); at += 512 {
		if _, err := f.ReadAt(buf, at); err != nil {
			fmt.Printf("read %d: %s\n", at/512, errno(err))
		}
	}
	for at := int64(0); at < min(size, 64<<10); at += 512 {
		if _, err := f.WriteAt(buf, at); err != nil {
			fmt.Printf("write %d: %s\n", at/512, errno(err))
		}
	}
	all := make([]byte, 64<<10)
	n, err := f.ReadAt(all, 0)
	fmt.Printf("read all: %d %s\n", n, errno(err))
	n, err = f.WriteAt(all, 0)
	fmt.Printf("write all: %d %s\n", n, errno(err))
	n, err = f.WriteAt(all[:700], 300)
	fmt.Printf("write at 300: %d %s\n", n, errno(err))
	fmt.Printf("sync: %s\n", errno(f.Sync()))
}

func info(dev string) {
	for _, name := range []string{"size", "ro", "dev", "removable", "serial", "alignment_offset", "queue/logical_block_size",
		"queue/physical_block_size", "queue/minimum_io_size", "queue/optimal_io_size", "queue/write_cache",
		"queue/discard_granularity", "queue/rotational"} {
		text, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(dev), name))
		if err != nil {
			text = []byte(errno(err))
		}
		fmt.Printf("%s: %s\n", name, strings.TrimSpace(string(text)))
	}
	partitions, err := os.ReadFile("/proc/partitions")
	must(err)
	fmt.Print(string(partitions))
	f := open(dev, os.O_RDWR)
	_, err = f.WriteAt(make([]byte, 8192), 0)
	must(err)
	must(f.Sync())
	_, err = f.ReadAt(make([]byte, 512), 0)
	must(err)
	stats, err := os.ReadFile("/proc/diskstats")
	must(err)
	for _, line := range strings.Split(string(stats), "\n") {
		if w := strings.Fields(line); len(w) == 20 && w[2] == filepath.Base(dev) {
			fmt.Println("reads", w[3], "sectors", w[5], "writes", w[7], "sectors", w[9], "flushes", w[18])
		}
	}
}

func tail(dev string) {
	f := open(dev, os.O_RDWR)
	size := sizeOf(f)
	fmt.Println("size", size)
	want := []byte("far away")
	_, err := f.WriteAt(want, size-8)
	must(err)
	got := make([]byte, 8)
	_, err = f.ReadAt(got, size-8)
	must(err)
	must(f.Sync())
	fmt.Printf("%s\n", got)
}

func watchSize(dev string) {
	f := open(dev, os.O_RDWR)
	size := sizeOf(f)
	fmt.Println("size", size)
	for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(10 * time.Millisecond) {
		if now := sizeOf(f); now != size {
			fmt.Println("size", now)
			_, err := f.WriteAt([]byte("new end"), now-7)
			fmt.Println("write at the end:", errno(err))
			must(f.Sync())
			return
		}
	}
	fatal("the size stays %d", size)
}

func speed(dev string) {
	f := open(dev, os.O_RDWR)
	n := min(sizeOf(f), 64<<20)
	buf := make([]byte, 1<<20)
	measure := func(what string, total int64, part int, do func(b []byte, at int64) (int, error)) {
		start := time.Now()
		for at := int64(0); at < total; at += int64(part) {
			_, err := do(buf[:part], at)
			must(err)
		}
		took := time.Since(start)
		fmt.Printf("%s: %.1f MB/s, %.0f calls/s\n", what, float64(total)/1e6/took.Seconds(),
			float64(total)/float64(part)/took.Seconds())
	}
	measure("write 1M", n, 1<<20, f.WriteAt)
	measure("read 1M", n, 1<<20, f.ReadAt)
	measure("write 4K", min(n, 8<<20), 4096, f.WriteAt)
	measure("read 4K", min(n, 8<<20), 4096, f.ReadAt)
	measure("write 4K synced", min(n, 2<<20), 4096, func(b []byte, at int64) (int, error) {
		m, err := f.WriteAt(b, at)
		if err == nil {
			err = f.Sync()
		}
		return m, err
	})
}

func main() {
	a := append(os.Args[1:], "", "", "", "")
	switch a[0] {
	case "probe":
		probe(a[1])
	case "bursts":
		bursts(a[1], number(a[2]))
	case "check":
		check(a[1], number(a[2]))
	case "fill":
		fill(a[1], number(a[2]), number(a[3]))
	case "hash":
		hash(a[1], number(a[2]))
	case "log":
		writeLogs(a[1], int(number(a[2])), a[3] == "nosync")
	case "info":
		info(a[1])
	case "tail":
		tail(a[1])
	case "errors":
		failures(a[1])
	case "size":
		watchSize(a[1])
	case "speed":
		speed(a[1])
	default:
		fmt.Println("usage: disk probe|check|fill|hash|log|info|tail|errors|size|speed DEV ...")
		os.Exit(2)
	}
}
