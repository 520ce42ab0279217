// bench measures what a Go program asks of the system below it. One line a figure:
//
//	BENCH <name> <ns> ns/op  n=<operations>
//
// The figures of computation and copying ask nothing of the system; they show how much of a
// difference between two guests is the host's mood.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"unigornel/bench/guest"
)

var (
	sinkInt   int
	sinkBytes []byte
)

// held is the most memory the runtime has held for heap and stacks after any of the measurements.
var held uint64

func sampleMemory() {
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	if now := ms.HeapSys - ms.HeapReleased + ms.StackSys; now > held {
		held = now
	}
}

// measure runs f, which does n operations, and prints what one of them took.
func measure(name string, n int, f func()) {
	start := time.Now()
	f()
	took := time.Since(start)
	fmt.Printf("BENCH %-20s %12.1f ns/op  n=%d\n", name, float64(took.Nanoseconds())/float64(n), n)
	sampleMemory()
}

// repeat measures f called n times.
func repeat(name string, n int, f func()) {
	measure(name, n, func() {
		for i := 0; i < n; i++ {
			f()
		}
	})
}

// withProcs runs f with GOMAXPROCS set to n, if there are so many CPUs.
func withProcs(n int, f func()) {
	if n > runtime.NumCPU() {
		return
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}

type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

func (t *tree) count() int {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

func binaryTrees() {
	const depth, short, rounds = 16, 8, 1000
	n := (1<<(depth+1) - 1) + rounds*(1<<(short+1)-1)
	measure("binary-trees", n, func() {
		long := grow(depth)
		for i := 0; i < rounds; i++ {
			sinkInt += grow(short).count()
		}
		sinkInt += long.count()
	})
}

// pingPong sends n values to a partner and back; locked puts each side on an OS thread of its own,
// so that every hop is a futex wake and wait.
func pingPong(name string, n int, locked bool) {
	there, back := make(chan int), make(chan int)
	go func() {
		if locked {
			runtime.LockOSThread()
		}
		for v := range there {
			back <- v
		}
		close(back)
	}()
	if locked {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	repeat(name, n, func() {
		there <- 1
		<-back
	})
	close(there)
	<-back
}

func mutex(name string) {
	const goroutines, rounds = 4, 100_000
	var (
		mu      sync.Mutex
		wg      sync.WaitGroup
		counter int
	)
	measure(name, goroutines*rounds, func() {
		wg.Add(goroutines)
		for g := 0; g < goroutines; g++ {
			go func() {
				defer wg.Done()
				for i := 0; i < rounds; i++ {
					mu.Lock()
					counter++
					mu.Unlock()
				}
			}()
		}
		wg.Wait()
	})
}

// touch maps mib of memory, writes to every page, and unmaps it.
func touch(mib int) {
	const page = 4096
	m, err := syscall.Mmap(-1, 0, mib<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fmt.Println("BENCH-SKIP touch:", err)
		return
	}
	pages := len(m) / page
	measure(fmt.Sprintf("touch-%dM", mib), pages, func() {
		for i := 0; i < len(m); i += page {
			m[i] = 1
		}
	})
	measure(fmt.Sprintf("munmap-%dM", mib), pages, func() {
		if err := syscall.Munmap(m); err != nil {
			panic(err)
		}
	})
}

// calls measures what is so short that a call of a function for each would be a good part of it.
func calls(n int) {
	measure("syscall-raw", n, func() {
		for i := 0; i < n; i++ {
			syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
		}
	})
	measure("syscall", n, func() {
		for i := 0; i < n; i++ {
			syscall.Syscall(syscall.SYS_GETPID, 0, 0, 0)
		}
	})
	measure("time.Now", n, func() {
		for i := 0; i < n; i++ {
			sinkInt += time.Now().Nanosecond()
		}
	})
}

func main() {
	fmt.Printf("BENCH-START %s CPUs=%d\n", runtime.Version(), runtime.NumCPU())

	block := make([]byte, 64<<10)
	repeat("compute-sha256-64K", 200, func() { sum := sha256.Sum256(block); sinkInt += int(sum[0]) })
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	repeat("copy-1M", 100, func() { copy(a, b) })

	binaryTrees()
	debug.FreeOSMemory()
	repeat("alloc-64", 1_000_000, func() { sinkBytes = make([]byte, 64) })
	repeat("alloc-32K", 10_000, func() { sinkBytes = make([]byte, 32<<10) })
	repeat("gc-forced", 20, runtime.GC)

	withProcs(1, func() { pingPong("channel-procs1", 200_000, false) })
	withProcs(2, func() { pingPong("channel-procs2", 100_000, false) })
	pingPong("thread-pingpong", 5000, true)
	withProcs(1, func() { mutex("mutex-procs1") })
	withProcs(2, func() { mutex("mutex-procs2") })
	var wg sync.WaitGroup
	wg.Add(100_000)
	measure("goroutine-spawn", 100_000, func() {
		for i := 0; i < 100_000; i++ {
			go wg.Done()
		}
		wg.Wait()
	})

	calls(300_000)
	repeat("sleep-100us", 200, func() { time.Sleep(100 * time.Microsecond) })

	fmt.Printf("BENCH-MEMORY heap=%d\n", held)
	if os.Getenv("BENCH_TOUCH") != "0" {
		debug.FreeOSMemory()
		touch(64)
		touch(256)
	}
	fmt.Println("BENCH-DONE")
	guest.Off()
}
