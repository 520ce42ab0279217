package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"unsafe"
)

func init() {
	areas["mmap"] = mmap
	areas["mmap-files"] = inTemporary(mmapFiles)
	areas["mremap"] = mremap
	areas["memory-errors"] = memoryErrors
}

const (
	page       = 4096
	protNone   = syscall.PROT_NONE
	protRead   = syscall.PROT_READ
	protRW     = syscall.PROT_READ | syscall.PROT_WRITE
	anonymous  = syscall.MAP_ANON | syscall.MAP_PRIVATE
	mapFixed   = syscall.MAP_FIXED
	noReplace  = 0x100000
	mapNoRes   = syscall.MAP_NORESERVE
	dontNeed   = syscall.MADV_DONTNEED
	madvFree   = 8
	mremapMove = 1
)

// mapped makes an anonymous mapping or ends the program.
func mapped(pages int, prot uintptr) uintptr {
	a, e := call(syscall.SYS_MMAP, 0, uintptr(pages*page), prot, anonymous, at(-1), 0)
	must(maybe(e))
	return a
}

func peek(a uintptr) byte    { return *(*byte)(pointer(a)) }
func poke(a uintptr, b byte) { *(*byte)(pointer(a)) = b }
func bytesAt(a uintptr, n int) []byte {
	return unsafe.Slice((*byte)(pointer(a)), n)
}

// try runs f and says whether it faulted, and if the address reported is the one expected.
func try(what string, expected uintptr, f func()) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			say(what, "no fault")
			return
		}
		if e, ok := r.(interface{ Addr() uintptr }); ok {
			say(what, "%v, at the right address: %v", r, e.Addr() == expected)
			return
		}
		say(what, "%v", r)
	}()
	f()
}

func mmap() {
	a := mapped(16, protRW)
	say("aligned", "%v", a%page == 0)
	say("zero", "%v", bytes.Equal(bytesAt(a, 16*page), make([]byte, 16*page)))
	for i := 0; i < 16; i++ {
		poke(a+uintptr(i*page), byte(i+1))
	}
	raw("mprotect none", syscall.SYS_MPROTECT, a+4*page, page, protNone)
	try("load from none", a+4*page, func() { peek(a + 4*page) })
	try("load beside", 0, func() { peek(a + 5*page) })
	raw("mprotect read", syscall.SYS_MPROTECT, a+4*page, page, protRead)
	try("load", 0, func() { say("value kept", "%d", peek(a+4*page)) })
	try("store to read-only", a+4*page+9, func() { poke(a+4*page+9, 1) })
	raw("mprotect back", syscall.SYS_MPROTECT, a+4*page, page, protRW)
	try("store", 0, func() { poke(a+4*page, 99) })

	raw("madvise dontneed", syscall.SYS_MADVISE, a+2*page, 3*page, dontNeed)
	for i := 0; i < 8; i++ {
		fmt.Print(peek(a+uintptr(i*page)), " ")
	}
	fmt.Println("after dontneed")
	raw("madvise not aligned", syscall.SYS_MADVISE, a+1, page, dontNeed)
	raw("madvise unknown", syscall.SYS_MADVISE, a, page, 9999)
	raw("madvise of nothing", syscall.SYS_MADVISE, a, 0, dontNeed)
	raw("madvise unmapped", syscall.SYS_MADVISE, wild, page, dontNeed)

	raw("munmap the middle", syscall.SYS_MUNMAP, a+6*page, 2*page)
	try("load from the hole", a+6*page, func() { peek(a + 6*page) })
	try("load below", 0, func() { say("value", "%d", peek(a+5*page)) })
	try("load above", 0, func() { say("value", "%d", peek(a+8*page)) })
	raw("munmap over the hole", syscall.SYS_MUNMAP, a+5*page, 4*page)
	try("load", a+8*page, func() { peek(a + 8*page) })
	raw("munmap of nothing mapped", syscall.SYS_MUNMAP, a+6*page, page)
	raw("munmap not aligned", syscall.SYS_MUNMAP, a+1, page)
	raw("munmap length 0", syscall.SYS_MUNMAP, a, 0)
	raw("munmap odd length", syscall.SYS_MUNMAP, a, 1)
	try("took the whole page", a+page-1, func() { peek(a + page - 1) })
	raw("mprotect over a hole", syscall.SYS_MPROTECT, a+4*page, 8*page, protRead)
	raw("mprotect not aligned", syscall.SYS_MPROTECT, a+1, page, protRead)
	raw("mprotect bad protection", syscall.SYS_MPROTECT, a+page, page, 0x4000)

	b := mapped(8, protNone)
	try("reserved", b, func() { peek(b) })
	c, e := call(syscall.SYS_MMAP, b+2*page, 2*page, protRW, anonymous|mapFixed, at(-1), 0)
	say("fixed over a reservation", "%v %s", c == b+2*page, errno(e))
	try("store", 0, func() { poke(b+2*page, 5) })
	c, e = call(syscall.SYS_MMAP, b+2*page, page, protRW, anonymous|mapFixed, at(-1), 0)
	say("fixed again", "%v %s", c == b+2*page, errno(e))
	say("is zero again", "%d", peek(b+2*page))
	_, e = call(syscall.SYS_MMAP, b+2*page, page, protRW, anonymous|noReplace, at(-1), 0)
	say("noreplace over a mapping", "%s", errno(e))
	c, e = call(syscall.SYS_MMAP, b+2*page, page, protRW, anonymous, at(-1), 0)
	say("hint that is taken", "elsewhere %v %s", c != b+2*page, errno(e))
	raw("munmap", syscall.SYS_MUNMAP, b, 8*page)
	c, e = call(syscall.SYS_MMAP, b, page, protRW, anonymous, at(-1), 0)
	say("hint that is free", "%v %s", c == b, errno(e))

	_, e = call(syscall.SYS_MMAP, 0, 0, protRW, anonymous, at(-1), 0)
	say("length 0", "%s", errno(e))
	_, e = call(syscall.SYS_MMAP, 0, page, protRW, syscall.MAP_ANON, at(-1), 0)
	say("neither shared nor private", "%s", errno(e))
	_, e = call(syscall.SYS_MMAP, 123, page, protRW, anonymous|mapFixed, at(-1), 0)
	say("fixed not aligned", "%s", errno(e))
	_, e = call(syscall.SYS_MMAP, 0, 1<<62, protRW, anonymous, at(-1), 0)
	say("too long", "%s", errno(e))
	_, e = call(syscall.SYS_MMAP, 1<<47, page, protRW, anonymous|mapFixed, at(-1), 0)
	say("fixed too high", "%s", errno(e))
	c, e = call(syscall.SYS_MMAP, 0, 1<<40, protNone, anonymous|mapNoRes, at(-1), 0)
	say("reserve a TiB", "%s", errno(e))
	raw("and give it back", syscall.SYS_MUNMAP, c, 1<<40)

	// Shared anonymous memory, a growing stack of mappings.
	s, e := call(syscall.SYS_MMAP, 0, 4*page, protRW, syscall.MAP_ANON|syscall.MAP_SHARED, at(-1), 0)
	say("shared anonymous", "%s", errno(e))
	poke(s+page, 7)
	raw("madvise dontneed of shared", syscall.SYS_MADVISE, s, 4*page, dontNeed)
	say("keeps its contents", "%d", peek(s+page))
	many := make([]uintptr, 0, 300)
	for i := 0; i < 300; i++ {
		m := mapped(3, protRW)
		poke(m+page, byte(i))
		raw := func() { call(syscall.SYS_MPROTECT, m+page, page, protRead) }
		raw()
		many = append(many, m)
	}
	good := 0
	for i, m := range many {
		if peek(m+page) == byte(i) && peek(m) == 0 {
			good++
		}
		call(syscall.SYS_MUNMAP, m, 3*page)
	}
	say("many mappings", "%d", good)
	vec := make([]byte, 4)
	m := mapped(4, protRW)
	poke(m+page, 1)
	raw("mincore", syscall.SYS_MINCORE, m, 4*page, uintptr(unsafe.Pointer(&vec[0])))
	say("resident", "%d", vec)
	raw("mincore unmapped", syscall.SYS_MINCORE, wild, page, uintptr(unsafe.Pointer(&vec[0])))
	raw("mlock", syscall.SYS_MLOCK, m, page)
	raw("munlock", syscall.SYS_MUNLOCK, m, page)
}

func mmapFiles() {
	text := bytes.Repeat([]byte("0123456789abcdef"), 512) // two pages
	text = append(text, "the tail"...)
	must(os.WriteFile("f", text, 0o644))
	f, err := os.OpenFile("f", os.O_RDWR, 0)
	must(err)
	fd := int(f.Fd())
	m, err := syscall.Mmap(fd, 0, len(text), protRead, syscall.MAP_PRIVATE)
	result("private read", err)
	say("contents", "%v", bytes.Equal(m, text))
	rest := unsafe.Slice(&m[0], 3*page)[len(text):]
	say("zero after the end", "%v", bytes.Equal(rest, make([]byte, len(rest))))
	result("munmap", syscall.Munmap(m))

	p, err := syscall.Mmap(fd, 0, len(text), protRW, syscall.MAP_PRIVATE)
	result("private write", err)
	p[0] = 'P'
	b, _ := os.ReadFile("f")
	say("the file is not changed", "%q", b[:4])

	s, err := syscall.Mmap(fd, 0, len(text), protRW, syscall.MAP_SHARED)
	result("shared write", err)
	s[1] = 'S'
	raw("msync", syscall.SYS_MSYNC, uintptr(unsafe.Pointer(&s[0])), uintptr(len(s)), syscall.MS_SYNC)
	b, _ = os.ReadFile("f")
	say("the file is changed", "%q", b[:4])
	_, err = f.WriteAt([]byte("W"), 2)
	must(err)
	say("a write shows in the shared mapping", "%q", s[:4])
	say("the private copy is its own", "%q", p[:4])
	s2, err := syscall.Mmap(fd, 0, page, protRead, syscall.MAP_SHARED)
	must(err)
	s[3] = 'X'
	say("and in another", "%q", s2[:4])
	raw("msync not aligned", syscall.SYS_MSYNC, uintptr(unsafe.Pointer(&s[1])), page, syscall.MS_SYNC)
	raw("msync bad flags", syscall.SYS_MSYNC, uintptr(unsafe.Pointer(&s[0])), page, syscall.MS_SYNC|syscall.MS_ASYNC)

	o, err := syscall.Mmap(fd, page, page, protRead, syscall.MAP_PRIVATE)
	result("offset", err)
	say("second page", "%q", o[:4])
	_, err = syscall.Mmap(fd, 1, page, protRead, syscall.MAP_PRIVATE)
	result("offset not aligned", err)
	_, err = syscall.Mmap(99, 0, page, protRead, syscall.MAP_PRIVATE)
	result("no such descriptor", err)
	r, err := os.Open("f")
	must(err)
	_, err = syscall.Mmap(int(r.Fd()), 0, page, protRW, syscall.MAP_SHARED)
	result("shared write of a read-only file", err)
	_, err = syscall.Mmap(int(r.Fd()), 0, page, protRW, syscall.MAP_PRIVATE)
	result("private write of a read-only file", err)
	w, err := os.OpenFile("f", os.O_WRONLY, 0)
	must(err)
	_, err = syscall.Mmap(int(w.Fd()), 0, page, protRead, syscall.MAP_PRIVATE)
	result("of a write-only file", err)
	d, err := os.Open(".")
	must(err)
	_, err = syscall.Mmap(int(d.Fd()), 0, page, protRead, syscall.MAP_PRIVATE)
	result("of a directory", err)

	must(f.Close())
	must(os.Remove("f"))
	say("lives on without its file", "%q", s[4:8])
	z, err := os.Open("/dev/zero")
	must(err)
	zero, err := syscall.Mmap(int(z.Fd()), 0, page, protRW, syscall.MAP_PRIVATE)
	result("/dev/zero", err)
	say("is zero", "%d", zero[5])

	// Past the end of the file is SIGBUS.
	must(os.WriteFile("short", []byte("x"), 0o644))
	sf, err := os.Open("short")
	must(err)
	beyond, err := syscall.Mmap(int(sf.Fd()), 0, 3*page, protRead, syscall.MAP_PRIVATE)
	must(err)
	base := uintptr(unsafe.Pointer(&beyond[0]))
	try("within the last page", 0, func() { say("value", "%d", peek(base+100)) })
	try("beyond it", base+page, func() { peek(base + page) })
	_, err = syscall.Write(1, unsafe.Slice((*byte)(pointer(base+page)), 10))
	result("write(2) from beyond it", err)
}

func mremap() {
	a := mapped(4, protRW)
	for i := 0; i < 4; i++ {
		poke(a+uintptr(i*page), byte(i+1))
	}
	v, e := call(syscall.SYS_MREMAP, a, 4*page, 2*page, 0)
	say("shrink", "in place %v %s", v == a, errno(e))
	try("beyond", a+2*page, func() { peek(a + 2*page) })
	v, e = call(syscall.SYS_MREMAP, a, 2*page, 64*page, mremapMove)
	say("grow", "%s", errno(e))
	if e == 0 {
		say("contents", "%d %d %d", peek(v), peek(v+page), peek(v+2*page))
	}
	_, e = call(syscall.SYS_MREMAP, wild, page, 2*page, mremapMove)
	say("unmapped", "%s", errno(e))
	_, e = call(syscall.SYS_MREMAP, v, 64*page, 0, mremapMove)
	say("to nothing", "%s", errno(e))
	_, e = call(syscall.SYS_MREMAP, v+1, page, 2*page, mremapMove)
	say("not aligned", "%s", errno(e))
}

func memoryErrors() {
	try("nil", 0, func() { var p *int; fmt.Println(*p) })
	try("wild", wild, func() { peek(wild) })
	try("wild store", wild+8, func() { poke(wild+8, 1) })
	m := mapped(1, protRead)
	try("read-only", m, func() { poke(m, 1) })
	n := mapped(1, protNone)
	try("none", n+100, func() { peek(n + 100) })
	try("page 0 end", 4095, func() { peek(4095) })
	try("after page 0", 4096, func() { peek(4096) })
	try("last of user space", 1<<47-1, func() { peek(1<<47 - 1) })
	try("wild in a copy", wild, func() { copy(make([]byte, 10), bytesAt(wild, 10)) })
	x := mapped(2, protRW)
	call(syscall.SYS_MPROTECT, x+page, page, protNone)
	try("copy into the guard", x+page, func() {
		b := bytesAt(x+page-8, 16)
		for i := range b {
			b[i] = 1
		}
	})
	say("stored up to the guard", "%d", peek(x+page-1))
	// A fault inside a system call is an error, not a signal; what was copied before is told.
	r, w, err := os.Pipe()
	must(err)
	w.Write([]byte("0123456789abcdef"))
	k, err := syscall.Read(int(r.Fd()), bytesAt(x+page-4, 8))
	say("read into the guard", "%d or an error: %v", 0, k == 4 || err == syscall.EFAULT)
	_, err = syscall.Write(int(w.Fd()), bytesAt(n, 4))
	result("write from none", err)
	_, err = syscall.Read(int(r.Fd()), bytesAt(m, 4))
	result("read into read-only", err)
}
