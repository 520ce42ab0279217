package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

func errno(err error) string {
	var e syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return e.Error()
	}
	return err.Error()
}

const (
	blkRoSet, blkRoGet, blkGetSize, blkFlsBuf = 0x125d, 0x125e, 0x1260, 0x1261
	blkRaSet, blkRaGet, blkSectGet            = 0x1262, 0x1263, 0x1267
	blkSszGet, blkDiscard, blkIoMin, blkIoOpt = 0x1268, 0x1277, 0x1278, 0x1279
	blkAlignOff, blkPbszGet, blkDiscardZeroes = 0x127a, 0x127b, 0x127c
	blkSecDiscard, blkRotational, blkZeroOut  = 0x127d, 0x127e, 0x127f
	blkBszGet, blkBszSet, blkGetSize64        = 0x80081270, 0x40081271, 0x80081272
	fallocKeep, fallocPunch, fallocZero       = 1, 2, 16
	fallocCollapse                            = 8
	direct                                    = syscall.O_DIRECT
)

func ioctl(f *os.File, cmd uintptr, arg unsafe.Pointer) error {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), cmd, uintptr(arg)); e != 0 {
		return e
	}
	return nil
}

// ioctlNumber is an ioctl whose argument is no pointer, or one to nowhere.
func ioctlNumber(f *os.File, cmd, arg uintptr) error {
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), cmd, arg)
	return nilIfZero(e)
}

func ioctlInt(f *os.File, name string, cmd uintptr) {
	v := uint64(0)
	err := ioctl(f, cmd, unsafe.Pointer(&v))
	fmt.Printf("%s: %d %s\n", name, v, errno(err))
}

func ioctlRange(f *os.File, name string, cmd uintptr, start, length uint64) {
	r := [2]uint64{start, length}
	fmt.Printf("%s %d+%d: %s\n", name, start, length, errno(ioctl(f, cmd, unsafe.Pointer(&r))))
}

// aligned returns n bytes at an address that is a multiple of 4096, plus off.
func aligned(n, off int) []byte {
	b := make([]byte, n+8192)
	skip := int(-uintptr(unsafe.Pointer(&b[0]))&4095) + off
	return b[skip : skip+n]
}

func call(what string, n int, err error) { fmt.Printf("%s: %d %s\n", what, n, errno(err)) }

func probe(dev string) {
	f := open(dev, os.O_RDWR)
	size := sizeOf(f)
	fmt.Println("size", size)
	probeTransfers(f, size)
	probeSeeks(f, size)
	probeIoctls(f, uint64(size))
	probeFallocate(f, size)
	probeDirect(dev, size)
	probeOpen(dev)
	probeSplice(f)
	probeOther(f)
	probeReadonly(f, dev)
	must(f.Close())
}

func probeTransfers(f *os.File, size int64) {
	b := make([]byte, 1000)
	for _, at := range []int64{0, 1, 511, 4095, size - 1, size - 999, size, size + 1, size + 4096} {
		n, err := f.WriteAt(b, at)
		call(fmt.Sprintf("pwrite at %d", at), n, err)
		n, err = f.ReadAt(b, at)
		call(fmt.Sprintf("pread at %d", at), n, err)
	}
	n, err := syscall.Pwrite(int(f.Fd()), b[:0], size+5)
	call("pwrite of nothing past the end", n, err)
	n, err = syscall.Pread(int(f.Fd()), b, -1)
	call("pread at -1", n, err)
	_, _, e := syscall.Syscall6(syscall.SYS_PWRITE64, f.Fd(), 16, 100, 0, 0, 0)
	fmt.Println("pwrite from nowhere:", e.Error())
	_, _, e = syscall.Syscall6(syscall.SYS_PREAD64, f.Fd(), 16, 100, 0, 0, 0)
	fmt.Println("pread to nowhere:", e.Error())

	// A buffer of which half cannot be read.
	m, err := syscall.Mmap(-1, 0, 8192, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	must(err)
	for i := range m[:4096] {
		m[i] = 'x'
	}
	must(syscall.Mprotect(m[4096:], syscall.PROT_NONE))
	for _, span := range [][2]int{{4096, 8192}, {3000, 2000}, {4000, 5000}} {
		from, length := span[0]-span[0]%4096+span[0]%4096, span[1]
		if from >= 4096 {
			from = 0
		}
		p := uintptr(unsafe.Pointer(&m[0])) + uintptr(from)
		n, _, e := syscall.Syscall6(syscall.SYS_PREAD64, f.Fd(), p, uintptr(length), 0, 0, 0)
		fmt.Printf("pread to %d of %d that can be written: %d %s\n", min(4096-from, length), length, int(n), errno(nilIfZero(e)))
	}
	must(syscall.Munmap(m))

	// Vectors of odd lengths.
	vec := [][]byte{[]byte("one"), {}, []byte("twenty-two"), make([]byte, 600)}
	var iov []syscall.Iovec
	total := 0
	for _, v := range vec {
		var i syscall.Iovec
		if len(v) > 0 {
			i.Base = &v[0]
		}
		i.SetLen(len(v))
		iov = append(iov, i)
		total += len(v)
	}
	r, _, e := syscall.Syscall6(syscall.SYS_PWRITEV, f.Fd(), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)), 1234, 0, 0)
	call("pwritev", int(r), nilIfZero(e))
	got := make([]byte, total)
	n, err = f.ReadAt(got, 1234)
	call(fmt.Sprintf("then %q", got[:13]), n, err)
	for _, flags := range []uintptr{2, 4, 8, 0x1000} { // RWF_DSYNC, RWF_SYNC, RWF_NOWAIT, unknown
		r, _, e = syscall.Syscall6(328, f.Fd(), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)), 1234, 0, flags)
		call(fmt.Sprintf("pwritev2 flags %#x", flags), int(int64(r)), nilIfZero(e))
	}
}

func nilIfZero(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

func probeSeeks(f *os.File, size int64) {
	for _, s := range []struct {
		off    int64
		whence int
	}{{0, 0}, {5, 1}, {-6, 1}, {0, 2}, {1, 2}, {-1, 2}, {size, 0}, {size + 1, 0}, {-1, 0}, {0, 3}, {0, 4}, {0, 9}} {
		n, err := f.Seek(s.off, s.whence)
		fmt.Printf("seek %d %d: %d %s\n", s.off, s.whence, n, errno(err))
	}
	f.Seek(size-3, io.SeekStart)
	n, err := f.Write([]byte("four"))
	fmt.Println("write over the end:", n, errno(err))
	n, err = f.Write([]byte("more"))
	fmt.Println("write at the end:", n, errno(err))
	n, err = f.Read(make([]byte, 4))
	fmt.Println("read at the end:", n, errno(err))
	now, _ := f.Seek(0, io.SeekCurrent)
	fmt.Println("position", now)
}

func probeIoctls(f *os.File, size uint64) {
	ioctlInt(f, "BLKGETSIZE64", blkGetSize64)
	ioctlInt(f, "BLKGETSIZE", blkGetSize)
	ioctlInt(f, "BLKSSZGET", blkSszGet)
	ioctlInt(f, "BLKPBSZGET", blkPbszGet)
	ioctlInt(f, "BLKIOMIN", blkIoMin)
	ioctlInt(f, "BLKIOOPT", blkIoOpt)
	ioctlInt(f, "BLKALIGNOFF", blkAlignOff)
	ioctlInt(f, "BLKROGET", blkRoGet)
	ioctlInt(f, "BLKDISCARDZEROES", blkDiscardZeroes)
	fmt.Println("BLKRASET:", errno(ioctlNumber(f, blkRaSet, 64)))
	ioctlInt(f, "BLKRAGET", blkRaGet)
	fmt.Println("BLKFLSBUF:", errno(ioctl(f, blkFlsBuf, nil)))
	for _, n := range []int32{512, 1024, 4096, 100, 0} {
		fmt.Printf("BLKBSZSET %d: %s\n", n, errno(ioctl(f, blkBszSet, unsafe.Pointer(&n))))
	}
	four := int32(4096)
	ioctl(f, blkBszSet, unsafe.Pointer(&four))
	ioctlInt(f, "BLKBSZGET", blkBszGet)
	fmt.Println("BLKGETSIZE64 to nowhere:", errno(ioctlNumber(f, blkGetSize64, 16)))
	fmt.Println("BLKSECDISCARD:", errno(ioctl(f, blkSecDiscard, unsafe.Pointer(&[2]uint64{0, 4096}))))
	b := make([]byte, 16384)
	for i := range b {
		b[i] = 0xa5
	}
	f.WriteAt(b, 0)
	var logical int32
	ioctl(f, blkSszGet, unsafe.Pointer(&logical))
	unit := uint64(logical)
	for _, r := range [][2]uint64{{4096, 4096}, {unit, unit}, {100, 512}, {0, 100}, {size, 512}, {size - 512, 1024}, {size - 512, 512}, {1 << 63, 512}, {512, 1<<64 - 512}} {
		ioctlRange(f, "BLKZEROOUT", blkZeroOut, r[0], r[1])
	}
	zeroes(f, b)
	for _, r := range [][2]uint64{{8192, 4096}, {100, 512}, {0, 100}, {size, 512}, {size - 512, 1024}, {0, 0}} {
		ioctlRange(f, "BLKDISCARD", blkDiscard, r[0], r[1])
	}
}

// zeroes prints which sectors hold only zeroes.
func zeroes(f *os.File, b []byte) {
	_, err := f.ReadAt(b, 0)
	must(err)
	var s strings.Builder
	for at := 0; at < len(b); at += 512 {
		c := byte('0')
		for _, x := range b[at : at+512] {
			if x != 0 {
				c = 'x'
			}
		}
		s.WriteByte(c)
	}
	fmt.Println("zero sectors:", s.String())
}

func probeFallocate(f *os.File, size int64) {
	b := make([]byte, 32768)
	for i := range b {
		b[i] = 0x5a
	}
	f.WriteAt(b, 0)
	for _, c := range []struct {
		mode     uint32
		off, len int64
	}{
		{fallocZero, 4096, 4096}, {fallocZero | fallocKeep, 512, 1024}, {fallocPunch | fallocKeep, 16384, 4096},
		{fallocPunch, 0, 4096}, {0, 0, 4096}, {fallocKeep, 0, 4096}, {fallocCollapse, 0, 4096},
		{fallocZero, 100, 512}, {fallocZero, 512, 100}, {fallocZero, size, 512}, {fallocZero, size - 512, 1024},
		{fallocZero | fallocKeep, size - 512, 1024}, {fallocPunch | fallocZero | fallocKeep, 0, 4096},
		{fallocZero, -1, 512}, {fallocZero, 0, 0}, {fallocZero, 1<<62 + 1<<61, 1 << 62},
	} {
		fmt.Printf("fallocate %d %d+%d: %s\n", c.mode, c.off, c.len, errno(syscall.Fallocate(int(f.Fd()), c.mode, c.off, c.len)))
	}
	zeroes(f, b)
}

func probeDirect(dev string, size int64) {
	f, err := os.OpenFile(dev, os.O_RDWR|direct, 0)
	fmt.Println("open O_DIRECT:", errno(err))
	if err != nil {
		return
	}
	for _, c := range []struct {
		n, off int
		at     int64
	}{{4096, 0, 0}, {512, 0, 512}, {512, 512, 1024}, {512, 0, 100}, {100, 0, 0}, {1024, 0, size - 512}, {100, 0, size}, {512, 0, size + 512}} {
		b := aligned(c.n, c.off)
		n, err := syscall.Pwrite(int(f.Fd()), b, c.at)
		call(fmt.Sprintf("direct pwrite of %d at %d from +%d", c.n, c.at, c.off), n, err)
		n, err = syscall.Pread(int(f.Fd()), b, c.at)
		call(fmt.Sprintf("direct pread of %d at %d to +%d", c.n, c.at, c.off), n, err)
	}
	f.Close()
}

func probeOpen(dev string) {
	a, err := os.OpenFile(dev, os.O_RDWR|os.O_EXCL, 0)
	fmt.Println("open O_EXCL:", errno(err))
	_, err = os.OpenFile(dev, os.O_RDWR|os.O_EXCL, 0)
	fmt.Println("again:", errno(err))
	b, err := os.OpenFile(dev, os.O_RDONLY, 0)
	fmt.Println("without O_EXCL:", errno(err))
	n, err := b.Write([]byte("x"))
	fmt.Println("write to O_RDONLY:", n, errno(err))
	fmt.Println("sync of O_RDONLY:", errno(b.Sync()))
	ioctlRange(b, "O_RDONLY BLKZEROOUT", blkZeroOut, 0, 512)
	ioctlRange(b, "O_RDONLY BLKDISCARD", blkDiscard, 0, 512)
	fmt.Println("O_RDONLY fallocate:", errno(syscall.Fallocate(int(b.Fd()), fallocZero, 0, 512)))
	b.Close()
	a.Close()
	c, err := os.OpenFile(dev, os.O_RDWR|os.O_EXCL, 0)
	fmt.Println("O_EXCL after close:", errno(err))
	c.Close()
	for _, flags := range []int{os.O_CREATE, os.O_TRUNC, os.O_CREATE | os.O_EXCL, syscall.O_DIRECTORY, os.O_APPEND, os.O_SYNC, syscall.O_DSYNC, syscall.O_NONBLOCK} {
		g, err := os.OpenFile(dev, os.O_RDWR|flags, 0o600)
		fmt.Printf("open %#x: %s\n", flags, errno(err))
		if err != nil {
			continue
		}
		n, err := syscall.Write(int(g.Fd()), []byte("data"))
		at, _ := g.Seek(0, io.SeekCurrent)
		fmt.Printf("write: %d %s, then at %d\n", n, errno(err), at)
		g.Close()
	}
}

func probeSplice(f *os.File) {
	var p [2]int
	must(syscall.Pipe(p[:]))
	f.WriteAt([]byte("splice me, all of it"), 10)
	off := int64(10)
	n, err := syscall.Splice(int(f.Fd()), &off, p[1], nil, 20, 0)
	fmt.Println("splice out:", n, off, errno(err))
	b := make([]byte, 100)
	m, err := syscall.Read(p[0], b)
	fmt.Printf("read %q %s\n", b[:max(m, 0)], errno(err))
	syscall.Write(p[1], []byte("into the disk"))
	off = 700
	n, err = syscall.Splice(p[0], nil, int(f.Fd()), &off, 13, 0)
	fmt.Println("splice in:", n, off, errno(err))
	f.ReadAt(b, 700)
	fmt.Printf("read %q\n", b[:13])
	off = 10
	m, err = syscall.Sendfile(p[1], int(f.Fd()), &off, 20)
	fmt.Println("sendfile to a pipe:", m, off, errno(err))
	m, _ = syscall.Read(p[0], b)
	fmt.Printf("read %q\n", b[:max(m, 0)])
	tmp, err := os.CreateTemp("", "disk")
	must(err)
	defer os.Remove(tmp.Name())
	off = 0
	m, err = syscall.Sendfile(int(tmp.Fd()), int(f.Fd()), &off, 300000)
	fmt.Println("sendfile to a file:", m, off, errno(err))
	off, to := int64(0), int64(0)
	_, _, e := syscall.Syscall6(326, f.Fd(), uintptr(unsafe.Pointer(&off)), tmp.Fd(), uintptr(unsafe.Pointer(&to)), 512, 0)
	fmt.Println("copy_file_range:", e.Error())
	tmp.Close()
	syscall.Close(p[0])
	syscall.Close(p[1])
}

func probeOther(f *os.File) {
	var st syscall.Stat_t
	must(syscall.Fstat(int(f.Fd()), &st))
	fmt.Printf("fstat: mode %#o size %d blocks %d\n", st.Mode&syscall.S_IFMT, st.Size, st.Blocks)
	var x [256]byte
	_, _, e := syscall.Syscall6(332, f.Fd(), uintptr(unsafe.Pointer(&[]byte{0}[0])), 0x1000, 0x27ff, uintptr(unsafe.Pointer(&x)), 0)
	fmt.Println("statx:", errno(nilIfZero(e)), "alignment", binary.LittleEndian.Uint32(x[0x9c:]), "mask", binary.LittleEndian.Uint32(x[:])&0x2000)
	fmt.Println("truncate:", errno(f.Truncate(0)))
	fmt.Println("fsync:", errno(syscall.Fsync(int(f.Fd()))))
	fmt.Println("fdatasync:", errno(syscall.Fdatasync(int(f.Fd()))))
	fmt.Println("sync_file_range:", errno(syscall.SyncFileRange(int(f.Fd()), 0, 4096, 7)))
	_, _, e = syscall.Syscall(syscall.SYS_READAHEAD, f.Fd(), 0, 4096)
	fmt.Println("readahead:", errno(nilIfZero(e)))
	_, _, e = syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 4096, 3, 0, 0)
	fmt.Println("fadvise:", errno(nilIfZero(e)))
	fmt.Println("flock:", errno(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)))
	syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	fds := syscall.EpollEvent{Events: syscall.EPOLLIN}
	ep, err := syscall.EpollCreate1(0)
	must(err)
	fmt.Println("epoll:", errno(syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, int(f.Fd()), &fds)))
	syscall.Close(ep)
	// Another node of the same device.
	other := filepath.Join(os.TempDir(), "disk-node")
	os.Remove(other)
	fmt.Println("mknod:", errno(syscall.Mknod(other, syscall.S_IFBLK|0o600, int(st.Rdev))))
	g, err := os.Open(other)
	fmt.Println("open:", errno(err))
	if err == nil {
		g.Close()
	}
	os.Remove(other)
	fmt.Println("mknod of nothing:", errno(syscall.Mknod(other, syscall.S_IFBLK|0o600, 99<<8)))
	_, err = os.Open(other)
	fmt.Println("open:", errno(err))
	os.Remove(other)
}

// probeReadonly goes last: it makes the device read-only for a moment.
func probeReadonly(f *os.File, dev string) {
	on, off := int32(1), int32(0)
	fmt.Println("BLKROSET:", errno(ioctl(f, blkRoSet, unsafe.Pointer(&on))))
	ioctlInt(f, "BLKROGET", blkRoGet)
	n, err := f.WriteAt([]byte("x"), 0)
	call("write to a read-only disk", n, err)
	n, err = f.WriteAt([]byte("x"), 1<<40)
	call("write past the end of it", n, err)
	_, _, e := syscall.Syscall6(syscall.SYS_PWRITE64, f.Fd(), 0, 0, 0, 0, 0)
	fmt.Println("write of nothing:", e.Error())
	g, err := os.OpenFile(dev, os.O_RDWR, 0)
	fmt.Println("open O_RDWR:", errno(err))
	if err == nil {
		g.Close()
	}
	fmt.Println("fallocate:", errno(syscall.Fallocate(int(f.Fd()), fallocZero, 0, 512)))
	ioctlRange(f, "BLKZEROOUT", blkZeroOut, 0, 512)
	fmt.Println("sync:", errno(f.Sync()))
	ioctl(f, blkRoSet, unsafe.Pointer(&off))
	ioctlInt(f, "BLKROGET", blkRoGet)
}
