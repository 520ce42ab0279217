// Crash makes the kernel fault: it overwrites the word of the kernel at the address it is told, which
// no boundary protects in one address space, and makes a system call that follows it.
package main

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"
)

//go:noinline
func intoTheKernel() {
	f, err := os.Open("/etc/passwd")
	fmt.Println("still here", f, err)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Println("an address is needed")
		os.Exit(1)
	}
	word, err := strconv.ParseUint(os.Args[1], 0, 64)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	const nowhere = 0xffff900012340000 // in the kernel's half, mapped by nobody
	address := uintptr(word)
	**(**uintptr)(unsafe.Pointer(&address)) = nowhere
	intoTheKernel()
}
