// abi asks the kernel things and prints the answers, one area at a time. The differential tests
// run it natively and in a machine; the output must be the same. So it prints nothing that may
// differ between two correct kernels (addresses, times, inode numbers), only what follows from
// the manual pages.
//
//	abi list     names of the areas
//	abi AREA     probe one of them
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"syscall"
	"unsafe"
)

var areas = map[string]func(){}

// wild is an address that nothing maps, natively or in a machine.
const wild = 0x5ead_beef_000

// errno prints an error the way strace does: by number, with its text.
func errno(err error) string {
	if err == nil {
		return "ok"
	}
	if e, ok := err.(syscall.Errno); ok {
		if e == 0 {
			return "ok"
		}
		return fmt.Sprintf("errno %d (%v)", int(e), e)
	}
	for _, inner := range []func() (error, bool){
		func() (error, bool) {
			e, ok := err.(*os.PathError)
			return unwrap(ok, func() error { return e.Err }), ok
		},
		func() (error, bool) {
			e, ok := err.(*os.LinkError)
			return unwrap(ok, func() error { return e.Err }), ok
		},
		func() (error, bool) {
			e, ok := err.(*os.SyscallError)
			return unwrap(ok, func() error { return e.Err }), ok
		},
	} {
		if e, ok := inner(); ok {
			return errno(e)
		}
	}
	return err.Error()
}

func unwrap(ok bool, f func() error) error {
	if !ok {
		return nil
	}
	return f()
}

// say prints a line that begins with what was asked.
func say(what string, format string, args ...any) {
	fmt.Printf("%s: %s\n", what, fmt.Sprintf(format, args...))
}

// result prints an error, or that there was none.
func result(what string, err error) { say(what, "%s", errno(err)) }

// must ends the program: something the area only builds upon does not work.
func must(err error) {
	if err != nil {
		_, file, line, _ := runtime.Caller(1)
		fmt.Printf("cannot go on at %s:%d: %s\n", file[len(file)-10:], line, errno(err))
		os.Exit(3)
	}
}

// raw makes a system call and prints whether it failed and how; the value is returned.
func raw(what string, number uintptr, args ...uintptr) uintptr {
	v, e := call(number, args...)
	if e != 0 {
		say(what, "%s", errno(e))
	} else {
		say(what, "ok")
	}
	return v
}

// rawValue is raw for calls whose value can be compared.
func rawValue(what string, number uintptr, args ...uintptr) uintptr {
	v, e := call(number, args...)
	if e != 0 {
		say(what, "%s", errno(e))
	} else {
		say(what, "= %d", int(v))
	}
	return v
}

func call(number uintptr, args ...uintptr) (uintptr, syscall.Errno) {
	var a [6]uintptr
	copy(a[:], args)
	v, _, e := syscall.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	return v, e
}

// at makes an AT_ or similar negative constant an argument.
func at(n int) uintptr { return uintptr(n) }

// cstring is a NUL-terminated string for raw calls; keep holds on to it.
func cstring(s string) uintptr {
	b := append([]byte(s), 0)
	keep = append(keep, b)
	return uintptr(unsafe.Pointer(&b[0]))
}

var keep [][]byte

// pointer makes a pointer of an address that checkptr and vet have no say in.
func pointer(a uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&a)) }

// inTemporary is f with a fresh directory as the working directory.
func inTemporary(f func()) func() {
	return func() {
		dir, err := os.MkdirTemp("", "abi")
		must(err)
		must(os.Chdir(dir))
		defer os.RemoveAll(dir)
		defer os.Chdir("/")
		f()
	}
}

func main() {
	syscall.Umask(0o022)
	names := make([]string, 0, len(areas))
	for n := range areas {
		names = append(names, n)
	}
	sort.Strings(names)
	if len(os.Args) == 2 && os.Args[1] == "list" {
		for _, n := range names {
			fmt.Println(n)
		}
		return
	}
	if len(os.Args) != 2 || areas[os.Args[1]] == nil {
		fmt.Println("which area? one of", names)
		os.Exit(64)
	}
	areas[os.Args[1]]()
}
