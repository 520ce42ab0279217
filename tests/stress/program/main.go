// stress loads one part of the system until its time is over, checks every result, and watches that
// the machine's free memory does not shrink from round to round.
//
//	stress gc|goroutines|memory|signals SECONDS
//
// The gc load is meant to run with GOGC=1 and GODEBUG=gccheckmark=1 in its environment.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var loads = map[string]func(round int){
	"gc":         garbage,
	"goroutines": goroutines,
	"memory":     memory,
	"signals":    signals,
}

func fail(format string, args ...any) {
	fmt.Printf("FAIL: "+format+"\n", args...)
	os.Exit(1)
}

// free is the machine's free memory in bytes.
func free() uint64 {
	var s syscall.Sysinfo_t
	if err := syscall.Sysinfo(&s); err != nil {
		fail("sysinfo: %v", err)
	}
	return uint64(s.Freeram) * uint64(s.Unit)
}

// node is part of a graph that the gc load keeps changing. Its sum tells whether the collector
// took something that was still in use.
type node struct {
	left, right *node
	value       int
	payload     []byte
}

func grow(depth, value int) *node {
	if depth == 0 {
		return nil
	}
	return &node{grow(depth-1, 2*value), grow(depth-1, 2*value+1), value, bytes.Repeat([]byte{byte(value)}, value%97+1)}
}

func (n *node) check(value int) int {
	if n == nil {
		return 0
	}
	if n.value != value || len(n.payload) != value%97+1 || n.payload[0] != byte(value) || n.payload[len(n.payload)-1] != byte(value) {
		fail("node %d holds %d and %d bytes", value, n.value, len(n.payload))
	}
	return 1 + n.left.check(2*value) + n.right.check(2*value+1)
}

// replace grows a new subtree somewhere below n.
func (n *node) replace(value, depth int, r *rand.Rand) {
	if depth <= 2 {
		return
	}
	left := r.Intn(2) == 0
	child, v := &n.right, 2*value+1
	if left {
		child, v = &n.left, 2*value
	}
	if r.Intn(4) == 0 {
		*child = grow(depth-1, v)
		return
	}
	(*child).replace(v, depth-1, r)
}

func garbage(round int) {
	const depth = 9
	var wg sync.WaitGroup
	for g := 0; g < 4; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			r := rand.New(rand.NewSource(int64(round*4 + g)))
			root := grow(depth, 1)
			for i := 0; i < 20; i++ {
				root.replace(1, depth, r)
				if n := root.check(1); n != 1<<depth-1 {
					fail("%d nodes", n)
				}
			}
		}(g)
	}
	wg.Wait()
}

func goroutines(round int) {
	const n = 100_000
	var sum, late int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	pipe := make(chan int, 128)
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			<-start
			switch i % 4 {
			case 0:
				time.Sleep(time.Duration(i%50) * time.Millisecond)
			case 1:
				runtime.Gosched()
			case 2:
				pipe <- i
				return
			case 3:
				// Stopped, or up to Go 1.22 it would hold memory until it is due.
				timeout := time.NewTimer(2 * time.Minute)
				defer timeout.Stop()
				select {
				case v := <-pipe:
					atomic.AddInt64(&sum, int64(v))
					return
				case <-timeout.C:
					atomic.AddInt64(&late, 1)
				}
				return
			}
			atomic.AddInt64(&sum, int64(i))
		}(i)
	}
	if got := runtime.NumGoroutine(); got < n {
		fail("%d goroutines", got)
	}
	close(start)
	wg.Wait()
	want := int64(0)
	for i := 0; i < n; i++ {
		if i%4 != 3 {
			want += int64(i)
		}
	}
	if sum != want || late != 0 {
		fail("sum %d instead of %d, %d waited too long", sum, want, late)
	}
}

// memory fills most of the machine, through the heap and through mappings of its own in turn, and
// gives everything back.
func memory(round int) {
	budget := free() / 100 * 70
	const piece = 1 << 20
	if round%2 == 0 {
		var pieces [][]byte
		for used := uint64(0); used < budget; used += piece {
			b := make([]byte, piece)
			for i := 0; i < piece; i += 4096 {
				if b[i] != 0 {
					fail("fresh memory holds %d", b[i])
				}
				b[i] = byte(len(pieces) + 1)
			}
			pieces = append(pieces, b)
		}
		for n, b := range pieces {
			for i := 0; i < piece; i += 4096 {
				if b[i] != byte(n+1) {
					fail("piece %d holds %d", n, b[i])
				}
			}
		}
		return
	}
	m, err := syscall.Mmap(-1, 0, int(budget)&^4095, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fail("mmap of %d: %v", budget, err)
	}
	for i := 0; i < len(m); i += 4096 {
		if m[i] != 0 {
			fail("a fresh mapping holds %d at %d", m[i], i)
		}
		m[i] = 1
	}
	if err := syscall.Munmap(m); err != nil {
		fail("munmap: %v", err)
	}
}

// signals interrupts code that lives in vector registers, as often as the machine can, and checks
// what it computed.
func signals(_ int) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var senders sync.WaitGroup
	tids := make(chan int, 8)
	for g := 0; g < 4; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			runtime.LockOSThread()
			tids <- syscall.Gettid()
			src := bytes.Repeat([]byte{byte(g), 3, 5, 7, 11, 13, 17, 19}, 8<<10)
			want := sha256.Sum256(src)
			dst := make([]byte, len(src))
			for i := 0; i < 200; i++ {
				copy(dst, src)
				if i%2 == 0 {
					copy(dst[1:], dst) // overlapping: memmove backwards
					copy(dst, src)
				}
				if sha256.Sum256(dst) != want {
					fail("a checksum came out wrong")
				}
				if !bytes.Equal(dst, src) {
					fail("a copy came out wrong")
				}
				f := 1.0
				for j := 1; j < 500; j++ {
					f = f*1.0000001 + float64(j)*1e-9
				}
				if f < 1 || f > 1.01 {
					fail("a sum came out as %v", f)
				}
			}
		}(g)
	}
	senders.Add(2)
	go func() {
		defer senders.Done()
		var list []int
		for {
			select {
			case t := <-tids:
				list = append(list, t)
			case <-stop:
				return
			default:
			}
			for _, t := range list {
				// The thread may have ended: ESRCH is fine.
				syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(syscall.Getpid()), uintptr(t), uintptr(syscall.SIGURG))
			}
			time.Sleep(20 * time.Microsecond)
		}
	}()
	go func() {
		defer senders.Done()
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	wg.Wait()
	close(stop)
	senders.Wait()
}

func main() {
	if len(os.Args) != 3 || loads[os.Args[1]] == nil {
		fail("usage: stress gc|goroutines|memory|signals SECONDS")
	}
	seconds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		fail("%v", err)
	}
	load := loads[os.Args[1]]
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	shown := time.Now()
	settled, rounds := uint64(0), 0
	for ; time.Now().Before(end) || rounds < 3; rounds++ {
		load(rounds)
		debug.FreeOSMemory()
		switch now := free(); {
		case rounds == 2:
			settled = now // the runtime has by now what it keeps
		case rounds > 2 && now < settled-settled/10:
			fail("free memory has shrunk from %d KiB to %d KiB by round %d", settled>>10, now>>10, rounds)
		}
		if time.Since(shown) > 20*time.Second {
			shown = time.Now()
			fmt.Printf("%s: %d rounds, %d KiB free, %d threads made\n", os.Args[1], rounds+1, free()>>10, threads())
		}
	}
	fmt.Printf("PASS: %s, %d rounds in %d seconds, %d KiB free\n", os.Args[1], rounds, seconds, free()>>10)
}

// threads counts the OS threads the runtime has made so far.
func threads() int {
	n, _ := runtime.ThreadCreateProfile(nil)
	return n
}
