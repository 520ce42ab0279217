// stackless makes system calls that take away the stack they are made on. Linux comes back without
// a look at it.
package main

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// callOn makes a system call with the stack pointer at top.
func callOn(top, number, a, b, c uintptr) (result uintptr)

const size = 64 << 10

func main() {
	runtime.LockOSThread()
	stack, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	base := uintptr(unsafe.Pointer(&stack[0]))
	top := base + size
	const none, readWrite, dontNeed = 0, 3, 4
	take := func(what string, number, a, b, c uintptr) {
		fmt.Println(what, int(callOn(top, number, a, b, c)))
	}
	restore := func() {
		if err := syscall.Mprotect(stack, readWrite); err != nil {
			panic(err)
		}
	}
	take("left alone:", 1<<16, 0, 0, 0)
	take("emptied:", syscall.SYS_MADVISE, base, size, dontNeed)
	take("read-only:", syscall.SYS_MPROTECT, base, size, syscall.PROT_READ)
	restore()
	take("inaccessible:", syscall.SYS_MPROTECT, base, size, none)
	restore()
	take("unmapped:", syscall.SYS_MUNMAP, base, size, 0)
}
