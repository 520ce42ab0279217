// behave does one thing a program can do to its machine, chosen by its first argument. The boot
// tests compare what happens with what happens natively.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// wild is an address that nothing maps, natively or in a machine.
const wild = 0x5ead_beef_000

var sink []byte

//go:noinline
func load(address uintptr) byte { return *(*byte)(address2pointer(address)) }

//go:noinline
func store(address uintptr, b byte) { *(*byte)(address2pointer(address)) = b }

// address2pointer makes a pointer that checkptr and vet have no say in.
func address2pointer(a uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&a)) }

//go:noinline
func divide(a, b int) int { return a / b }

// recurse has frames of half a kilobyte: Go's limit of 1 GB is reached in reasonable time.
//
//go:noinline
func recurse(n int) int {
	var frame [512]byte
	frame[n%len(frame)] = byte(n)
	return recurse(n+1) + int(frame[(n+1)%len(frame)])
}

func recovered(what string, f func()) {
	defer func() {
		r := recover()
		fmt.Printf("%s: recovered %v\n", what, r)
		if e, ok := r.(interface{ Addr() uintptr }); ok {
			fmt.Printf("%s: at %#x\n", what, e.Addr())
		}
		var re runtime.Error
		if err, ok := r.(error); ok && errors.As(err, &re) {
			fmt.Printf("%s: a runtime error\n", what)
		}
	}()
	f()
	fmt.Printf("%s: nothing happened\n", what)
}

var behaviours = map[string]func(){
	"exit7":    func() { fmt.Println("leaving"); os.Exit(7) },
	"exit255":  func() { os.Exit(255) },
	"return":   func() { fmt.Println("main returns") },
	"panic":    func() { panic("boom") },
	"deadlock": func() { <-make(chan int) },
	"recursion": func() {
		fmt.Println("down we go")
		recurse(0)
	},
	"recursion-small": func() {
		debug.SetMaxStack(1 << 20)
		recurse(0)
	},
	"nil": func() {
		var p *int
		recovered("load", func() { fmt.Println(*p) })
		recovered("store", func() { *p = 1 })
		recovered("field", func() {
			var s *struct{ a, b [100]int }
			s.b[3] = 1
		})
		var f func()
		recovered("call", func() { f() })
		var m map[string]int
		recovered("map", func() { m["x"] = 1 })
	},
	"nil-crash": func() {
		var p *int
		*p = 1
	},
	"divide": func() {
		recovered("divide", func() { fmt.Println(divide(7, 0)) })
		recovered("index", func() { fmt.Println(os.Args[divide(100, 1)]) })
	},
	"divide-crash": func() { fmt.Println(divide(7, 0)) },
	"fault":        func() { fmt.Println(load(wild)) },
	"fault-panic": func() {
		debug.SetPanicOnFault(true)
		recovered("load", func() { load(wild) })
		recovered("store", func() { store(wild, 1) })
		recovered("again", func() { load(wild + 4096) })
	},
	"fault-text": func() {
		// A store to the program's own code: it is there, but not writable.
		debug.SetPanicOnFault(true)
		f := divide
		code := **(**uintptr)(unsafe.Pointer(&f))
		defer func() {
			r := recover()
			fmt.Printf("recovered %v\n", r)
			if e, ok := r.(interface{ Addr() uintptr }); ok {
				fmt.Println("at the address stored to:", e.Addr() == code)
			}
		}()
		store(code, 0xcc)
		fmt.Println("the code was overwritten")
	},
	"spin": func() {
		runtime.GOMAXPROCS(1)
		var spins [2]int64
		for i := range spins {
			i := i
			go func() {
				for {
					if atomic.AddInt64(&spins[i], 1) < 0 {
						return
					}
				}
			}()
		}
		go func() {
			for {
			}
		}()
		for i := 0; i < 10; i++ {
			time.Sleep(time.Millisecond)
			sink = make([]byte, 1<<20)
			runtime.GC()
		}
		for i := range spins {
			fmt.Println("goroutine", i, "ran:", atomic.LoadInt64(&spins[i]) > 0)
		}
	},
	"show": func() {
		fmt.Printf("args %q\n", os.Args[1:])
		env := os.Environ()
		sort.Strings(env)
		for _, e := range env {
			if strings.HasPrefix(e, "TEST_") {
				fmt.Printf("env %q\n", e)
			}
		}
	},
	"cat": func() {
		for _, name := range os.Args[2:] {
			data, err := os.ReadFile(name)
			fmt.Printf("%s: %q %v\n", name, data, err)
		}
	},
	"ls": func() {
		for _, name := range os.Args[2:] {
			entries, err := os.ReadDir(name)
			fmt.Println(name, err)
			for _, e := range entries {
				info, err := e.Info()
				if err != nil {
					fmt.Println(e.Name(), err)
					continue
				}
				size := info.Size()
				if e.IsDir() {
					size = 0
				}
				fmt.Println(info.Mode(), size, e.Name())
			}
		}
	},
	"lines": func() {
		fmt.Println("ready")
		in := bufio.NewScanner(os.Stdin)
		for n := 1; in.Scan(); n++ {
			fmt.Printf("line %d is %q\n", n, in.Text())
		}
		fmt.Println("end of input", in.Err())
	},
	"count": func() {
		n, err := io.Copy(io.Discard, os.Stdin)
		fmt.Println("bytes", n, err)
	},
	"interleave": func() {
		for i := 0; i < 3; i++ {
			fmt.Fprintln(os.Stdout, "out", i)
			fmt.Fprintln(os.Stderr, "err", i)
		}
	},
	"process": func() {
		// One program on a machine starts no other.
		out, err := exec.Command("/proc/self/exe", "exit7").CombinedOutput()
		fmt.Printf("exec.Command: %q %v\n", out, err)
		_, err = os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
		fmt.Println("os.StartProcess:", err)
		fmt.Println("syscall.Exec:", syscall.Exec("/bin/true", []string{"true"}, nil))
		_, err = exec.LookPath("no-such-command")
		fmt.Println("exec.LookPath:", err)
		fmt.Println("still here")
	},
	"socket": func() {
		// By number, which no symbol shows.
		for _, call := range []uintptr{syscall.SYS_SOCKET, syscall.SYS_SOCKETPAIR, syscall.SYS_BIND} {
			_, _, e := syscall.RawSyscall6(call, syscall.AF_INET, syscall.SOCK_STREAM, 0, 0, 0, 0)
			fmt.Println(e)
		}
		fmt.Println("still here")
	},
	"forever": func() {
		fmt.Println("running")
		for {
			time.Sleep(time.Second)
		}
	},
	"busy": func() {
		fmt.Println("running")
		for {
		}
	},
	"hoard": func() {
		fmt.Println("hoarding")
		var all [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 512 {
				b[i] = 1
			}
			all = append(all, b)
			if len(all)%1024 == 0 {
				fmt.Println(len(all), "MiB")
			}
		}
	},
	"much": func() {
		line := strings.Repeat("0123456789abcdef", 4)
		for i := 0; i < 2000; i++ {
			fmt.Printf("%05d %s\n", i, line)
		}
	},
}

func main() {
	if len(os.Args) < 2 || behaviours[os.Args[1]] == nil {
		fmt.Println("behave: which behaviour?", os.Args)
		os.Exit(64)
	}
	behaviours[os.Args[1]]()
}
