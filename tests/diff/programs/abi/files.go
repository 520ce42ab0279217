package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	areas["open"] = inTemporary(open)
	areas["contents"] = inTemporary(contents)
	areas["descriptors"] = inTemporary(descriptors)
	areas["directories"] = inTemporary(directories)
	areas["rename"] = inTemporary(rename)
	areas["links"] = inTemporary(links)
	areas["metadata"] = inTemporary(metadata)
	areas["removed"] = inTemporary(removed)
	areas["names"] = inTemporary(names)
}

// flagNames are the open(2) flags probed, each alone and in pairs.
var flagNames = []struct {
	name string
	flag int
}{
	{"CREAT", syscall.O_CREAT}, {"EXCL", syscall.O_EXCL}, {"TRUNC", syscall.O_TRUNC}, {"APPEND", syscall.O_APPEND},
	{"DIRECTORY", syscall.O_DIRECTORY}, {"NOFOLLOW", syscall.O_NOFOLLOW}, {"NONBLOCK", syscall.O_NONBLOCK},
	{"PATH", 0x200000}, {"CLOEXEC", syscall.O_CLOEXEC}, {"SYNC", syscall.O_SYNC},
}

func open() {
	must(os.Mkdir("dir", 0o755))
	must(os.Symlink("file", "link"))
	must(os.Symlink("nowhere", "dangling"))
	must(os.Symlink("loop", "loop"))
	must(os.Symlink("dir", "dirlink"))
	modes := []struct {
		name string
		flag int
	}{{"RDONLY", 0}, {"WRONLY", 1}, {"RDWR", 2}}
	for _, target := range []string{"file", "missing", "dir", "dir/", "file/", "link", "dangling", "loop", "dirlink", "dirlink/",
		"file/below", "missing/below", "", "dir/..", "./file", "//tmp", "/"} {
		for i, a := range flagNames {
			for _, m := range modes {
				for _, b := range flagNames[i:] {
					os.WriteFile("file", []byte("contents"), 0o644)
					fd, err := syscall.Open(target, m.flag|a.flag|b.flag, 0o640)
					line := errno(err)
					if err == nil {
						n, rerr := syscall.Read(fd, make([]byte, 16))
						_, werr := syscall.Write(fd, nil)
						if rerr != nil {
							n = -1
						}
						line = fmt.Sprintf("ok, read %d %s, write %s", n, errno(rerr), errno(werr))
						syscall.Close(fd)
					}
					fmt.Printf("%q %s|%s|%s: %s\n", target, m.name, a.name, b.name, line)
					os.Remove("missing")
					os.Remove("nowhere")
				}
			}
		}
	}
	raw("open NULL", syscall.SYS_OPEN, 0, 0)
	raw("openat of a closed directory", syscall.SYS_OPENAT, 77, cstring("x"), 0)
	fd, err := syscall.Open("file", 0, 0)
	must(err)
	raw("openat below a file", syscall.SYS_OPENAT, uintptr(fd), cstring("x"), 0)
	raw("openat absolute ignores the directory", syscall.SYS_OPENAT, 77, cstring("/"), 0)
	raw("openat empty", syscall.SYS_OPENAT, uintptr(fd), cstring(""), 0)
	raw("creat", syscall.SYS_CREAT, cstring("created"), 0o600)
	st, err := os.Stat("created")
	must(err)
	say("created", "%v %d", st.Mode(), st.Size())
	raw("O_TMPFILE without a directory", syscall.SYS_OPEN, cstring("file"), 0x410000|2, 0o600)
}

func contents() {
	f, err := os.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o644)
	must(err)
	show := func(what string) {
		b, err := os.ReadFile("f")
		say(what, "%d bytes %.60q %s", len(b), b, errno(err))
	}
	fmt.Fprint(f, "hello world")
	show("written")
	_, err = f.WriteAt([]byte("HE"), 0)
	result("pwrite", err)
	_, err = f.WriteAt([]byte("end"), 20)
	result("pwrite past the end", err)
	show("hole")
	must(f.Truncate(5))
	show("shorter")
	must(f.Truncate(9))
	show("longer is zeroes")
	off, err := f.Seek(0, io.SeekCurrent)
	say("offset unmoved", "%d %s", off, errno(err))
	f.Write([]byte("at the old offset"))
	show("after a write")
	for _, c := range []struct {
		name   string
		off    int64
		whence int
	}{{"set", 3, 0}, {"cur", 4, 1}, {"end", -2, 2}, {"before start", -1, 0}, {"before start cur", -1000, 1},
		{"past end", 1 << 40, 0}, {"huge", 1<<63 - 1, 1}, {"bad whence", 0, 9}} {
		n, err := syscall.Seek(int(f.Fd()), c.off, c.whence)
		say("seek "+c.name, "%d %s", n, errno(err))
	}
	result("truncate negative", syscall.Ftruncate(int(f.Fd()), -1))
	result("truncate by name", syscall.Truncate("f", 4))
	show("truncated")
	result("truncate missing", syscall.Truncate("missing", 4))
	result("truncate directory", syscall.Truncate(".", 4))

	a, err := os.OpenFile("f", os.O_WRONLY|os.O_APPEND, 0)
	must(err)
	syscall.Seek(int(a.Fd()), 0, 0)
	a.Write([]byte("+append"))
	show("append ignores the offset")
	n, err := syscall.Seek(int(a.Fd()), 0, 1)
	say("offset after append", "%d %s", n, errno(err))
	_, err = syscall.Pwrite(int(a.Fd()), []byte("P"), 0)
	result("pwrite on an append file", err)
	show("which appends on Linux")
	_, err = syscall.Read(int(a.Fd()), make([]byte, 1))
	result("read of a write-only file", err)

	r, err := os.Open("f")
	must(err)
	_, err = syscall.Write(int(r.Fd()), []byte("x"))
	result("write to a read-only file", err)
	result("ftruncate of a read-only file", syscall.Ftruncate(int(r.Fd()), 1))
	b := make([]byte, 4)
	k, err := syscall.Pread(int(r.Fd()), b, 2)
	say("pread", "%d %q %s", k, b[:k], errno(err))
	k, err = syscall.Pread(int(r.Fd()), b, 1000)
	say("pread past the end", "%d %s", k, errno(err))
	_, err = syscall.Pread(int(r.Fd()), b, -1)
	result("pread at -1", err)
	k, err = syscall.Read(int(r.Fd()), nil)
	say("read of nothing", "%d %s", k, errno(err))

	// Vectors.
	w, err := os.OpenFile("v", os.O_RDWR|os.O_CREATE, 0o644)
	must(err)
	one, two := []byte("one"), []byte("and two")
	iov := []syscall.Iovec{{Base: &one[0], Len: 3}, {Base: nil, Len: 0}, {Base: &two[0], Len: 7}}
	rawValue("writev", syscall.SYS_WRITEV, w.Fd(), uintptr(unsafe.Pointer(&iov[0])), 3)
	got, _ := os.ReadFile("v")
	say("written", "%q", got)
	rawValue("writev of none", syscall.SYS_WRITEV, w.Fd(), 0, 0)
	rawValue("writev negative count", syscall.SYS_WRITEV, w.Fd(), uintptr(unsafe.Pointer(&iov[0])), at(-1))
	rawValue("writev too many", syscall.SYS_WRITEV, w.Fd(), uintptr(unsafe.Pointer(&iov[0])), 1025)
	syscall.Seek(int(w.Fd()), 0, 0)
	p, q := make([]byte, 2), make([]byte, 100)
	iov = []syscall.Iovec{{Base: &p[0], Len: 2}, {Base: &q[0], Len: 100}}
	rawValue("readv", syscall.SYS_READV, w.Fd(), uintptr(unsafe.Pointer(&iov[0])), 2)
	say("read", "%q %q", p, q[:8])
	iov[1].Len = 1 << 63
	rawValue("readv of a negative length", syscall.SYS_READV, w.Fd(), uintptr(unsafe.Pointer(&iov[0])), 2)
	rawValue("preadv", syscall.SYS_PREADV, w.Fd(), uintptr(unsafe.Pointer(&iov[0])), 1, 4)
	say("read", "%q", p)
	rawValue("fallocate", syscall.SYS_FALLOCATE, w.Fd(), 0, 0, 4096)
	st, _ := os.Stat("v")
	say("size", "%d", st.Size())
	rawValue("fallocate nothing", syscall.SYS_FALLOCATE, w.Fd(), 0, 0, 0)
	rawValue("fallocate negative", syscall.SYS_FALLOCATE, w.Fd(), 0, at(-4), 4)
	for _, nr := range []uintptr{syscall.SYS_FSYNC, syscall.SYS_FDATASYNC} {
		rawValue("fsync", nr, w.Fd())
		rawValue("fsync of nothing", nr, 99)
	}

	// A large file in pieces.
	big, err := os.Create("big")
	must(err)
	chunk := make([]byte, 70_000)
	for i := range chunk {
		chunk[i] = byte(i * 7)
	}
	for i := 0; i < 30; i++ {
		_, err = big.Write(chunk)
		must(err)
	}
	must(big.Close())
	data, err := os.ReadFile("big")
	must(err)
	sum := 0
	for i, c := range data {
		sum = (sum*31 + int(c) + i) % 1000003
	}
	say("big", "%d bytes, checksum %d", len(data), sum)

	// Copies that Go makes with copy_file_range or sendfile, or by hand where those fail.
	src, err := os.Open("big")
	must(err)
	dst, err := os.Create("copy")
	must(err)
	copied, err := io.Copy(dst, io.LimitReader(src, 1_000_000))
	say("copied", "%d %s", copied, errno(err))
	back, _ := os.ReadFile("copy")
	say("the same", "%v", string(back) == string(data[:1_000_000]))
}

func descriptors() {
	f, err := os.Create("f")
	must(err)
	fd := int(f.Fd())
	d, err := syscall.Dup(fd)
	result("dup", err)
	syscall.Write(fd, []byte("abc"))
	off, _ := syscall.Seek(d, 0, 1)
	say("dup shares the offset", "%d", off)
	result("dup2", syscall.Dup2(fd, 50))
	result("dup2 of itself", syscall.Dup2(fd, fd))
	result("dup2 of nothing", syscall.Dup2(98, 50))
	result("dup2 out of range", syscall.Dup2(fd, 1<<30))
	result("dup2 negative", syscall.Dup2(fd, -1))
	result("dup3 cloexec", syscall.Dup3(fd, 51, syscall.O_CLOEXEC))
	result("dup3 of itself", syscall.Dup3(fd, fd, 0))
	result("dup3 bad flags", syscall.Dup3(fd, 52, 1))
	fcntl := func(what string, fd, cmd int, arg uintptr) {
		rawValue("fcntl "+what, syscall.SYS_FCNTL, uintptr(fd), uintptr(cmd), arg)
	}
	fcntl("GETFD", 50, syscall.F_GETFD, 0)
	fcntl("GETFD cloexec", 51, syscall.F_GETFD, 0)
	fcntl("SETFD", 50, syscall.F_SETFD, syscall.FD_CLOEXEC)
	fcntl("GETFD", 50, syscall.F_GETFD, 0)
	v, e := call(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	say("GETFL", "%#x %s", v&^0x8000, errno(e))
	fcntl("SETFL append|nonblock", fd, syscall.F_SETFL, syscall.O_APPEND|syscall.O_NONBLOCK)
	v, e = call(syscall.SYS_FCNTL, uintptr(d), syscall.F_GETFL, 0)
	say("GETFL of the dup", "%#x %s", v&^0x8000, errno(e))
	fcntl("SETFL back", fd, syscall.F_SETFL, 0)
	fcntl("DUPFD", fd, syscall.F_DUPFD, 60)
	fcntl("DUPFD taken", fd, syscall.F_DUPFD, 60)
	fcntl("DUPFD_CLOEXEC", fd, syscall.F_DUPFD_CLOEXEC, 70)
	fcntl("GETFD", 70, syscall.F_GETFD, 0)
	fcntl("DUPFD too high", fd, syscall.F_DUPFD, 1<<30)
	fcntl("unknown", fd, 9999, 0)
	fcntl("of nothing", 99, syscall.F_GETFL, 0)
	result("close", syscall.Close(50))
	result("close again", syscall.Close(50))
	result("close -1", syscall.Close(-1))
	_, err = syscall.Read(50, make([]byte, 1))
	result("read of a closed one", err)

	// Advisory locks.
	g, err := os.Open("f")
	must(err)
	result("flock exclusive", syscall.Flock(fd, syscall.LOCK_EX))
	result("flock of another open file", syscall.Flock(int(g.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	result("flock of the dup", syscall.Flock(d, syscall.LOCK_EX|syscall.LOCK_NB))
	result("flock to shared", syscall.Flock(fd, syscall.LOCK_SH))
	result("flock shared", syscall.Flock(int(g.Fd()), syscall.LOCK_SH|syscall.LOCK_NB))
	result("unlock", syscall.Flock(fd, syscall.LOCK_UN))
	result("flock exclusive now", syscall.Flock(int(g.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	result("flock bad", syscall.Flock(fd, 0))
	result("flock of nothing", syscall.Flock(99, syscall.LOCK_SH))
	lk := syscall.Flock_t{Type: syscall.F_WRLCK}
	result("F_SETLK", syscall.FcntlFlock(uintptr(fd), syscall.F_SETLK, &lk))
	lk = syscall.Flock_t{Type: syscall.F_WRLCK}
	result("F_GETLK", syscall.FcntlFlock(uintptr(fd), syscall.F_GETLK, &lk))
	say("own locks do not conflict", "%v", lk.Type == syscall.F_UNLCK)

	// The lowest free number is taken.
	h1, _ := syscall.Open("f", 0, 0)
	h2, _ := syscall.Open("f", 0, 0)
	syscall.Close(h1)
	h3, _ := syscall.Open("f", 0, 0)
	say("lowest free", "%v", h3 == h1 && h2 > h1)

	// The limit of open files.
	var lim syscall.Rlimit
	must(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim))
	lim.Cur = 80
	must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim))
	for {
		if _, err = syscall.Open("f", 0, 0); err != nil {
			break
		}
	}
	result("open at the limit", err)
	_, err = syscall.Dup(fd)
	result("dup at the limit", err)
	var p [2]int
	result("pipe at the limit", syscall.Pipe(p[:]))
	rawValue("ioctl FIONREAD", syscall.SYS_IOCTL, g.Fd(), 0x541b, cstring("12345678"))
	raw("ioctl TCGETS on a file", syscall.SYS_IOCTL, g.Fd(), 0x5401, cstring(strings.Repeat("x", 64)))
	raw("ioctl unknown", syscall.SYS_IOCTL, g.Fd(), 0x12345678, 0)
}

func directories() {
	result("mkdir", os.Mkdir("d", 0o777))
	result("mkdir again", os.Mkdir("d", 0o777))
	result("mkdir below missing", os.Mkdir("no/d", 0o777))
	must(os.WriteFile("f", nil, 0o644))
	result("mkdir below file", os.Mkdir("f/d", 0o777))
	result("mkdir over file", os.Mkdir("f", 0o777))
	result("mkdir slash", syscall.Mkdir("d2/", 0o700))
	result("mkdir empty", syscall.Mkdir("", 0o700))
	result("mkdir dot", syscall.Mkdir(".", 0o700))
	result("mkdir dotdot", syscall.Mkdir("d/..", 0o700))
	result("mkdir root", syscall.Mkdir("/", 0o700))
	st, err := os.Stat("d2")
	must(err)
	say("mode", "%v", st.Mode())
	result("rmdir of file", syscall.Rmdir("f"))
	result("unlink of directory", syscall.Unlink("d"))
	must(os.WriteFile("d/x", nil, 0o644))
	result("rmdir not empty", syscall.Rmdir("d"))
	result("rmdir dot", syscall.Rmdir("d/."))
	result("rmdir dotdot", syscall.Rmdir("d/.."))
	result("rmdir missing", syscall.Rmdir("no"))
	result("rmdir slash", syscall.Rmdir("d2/"))
	result("unlink", syscall.Unlink("d/x"))
	result("unlink missing", syscall.Unlink("d/x"))
	result("unlink slash", syscall.Unlink("f/"))
	result("unlink below file", syscall.Unlink("f/x"))
	raw("unlinkat bad flag", syscall.SYS_UNLINKAT, at(-100), cstring("f"), 1)
	raw("unlinkat as rmdir", syscall.SYS_UNLINKAT, at(-100), cstring("d"), 0x200)

	// Many entries, read in small pieces.
	must(os.Mkdir("many", 0o755))
	for i := 0; i < 500; i++ {
		must(os.WriteFile(fmt.Sprintf("many/file-%03d", i), nil, 0o644))
	}
	d, err := os.Open("many")
	must(err)
	total := map[string]bool{}
	for {
		n, err := d.Readdirnames(7)
		for _, s := range n {
			if total[s] {
				fmt.Println("twice:", s)
			}
			total[s] = true
		}
		if err != nil {
			result("end", err)
			break
		}
	}
	say("entries", "%d", len(total))
	d.Seek(0, 0)
	n, err := d.Readdirnames(-1)
	say("again after rewind", "%d %s", len(n), errno(err))
	raw("getdents into 1 byte", syscall.SYS_GETDENTS64, d.Fd(), cstring("x"), 1)
	d.Seek(0, 0)
	raw("getdents into 1 byte at the start", syscall.SYS_GETDENTS64, d.Fd(), cstring("x"), 1)
	f, err := os.Open("f")
	must(err)
	raw("getdents of a file", syscall.SYS_GETDENTS64, f.Fd(), cstring(strings.Repeat("x", 4096)), 4096)
	_, err = syscall.Read(int(d.Fd()), make([]byte, 10))
	result("read of a directory", err)

	// Removing while reading must visit every other entry.
	d.Seek(0, 0)
	seen := 0
	for {
		n, err := d.Readdirnames(50)
		for _, s := range n {
			seen++
			must(os.Remove("many/" + s))
		}
		if err != nil {
			break
		}
	}
	say("removed while reading", "%d", seen)
	left, _ := os.ReadDir("many")
	say("left", "%d", len(left))

	// Working directory.
	must(os.MkdirAll("a/b/c", 0o755))
	top, err := os.Getwd()
	must(err)
	must(os.Chdir("a/b"))
	cwd := func(what string) {
		buf := make([]byte, 4096)
		n, err := syscall.Getcwd(buf)
		if err != nil {
			result(what, err)
			return
		}
		say(what, "%q", strings.TrimPrefix(string(buf[:n-1]), top))
	}
	cwd("getcwd")
	result("chdir dotdot", os.Chdir(".."))
	cwd("getcwd")
	_, err = syscall.Getcwd(make([]byte, 3))
	result("getcwd in 3 bytes", err)
	result("chdir to a file", os.Chdir("../f"))
	result("chdir missing", os.Chdir("nope"))
	h, err := os.Open("b/c")
	must(err)
	result("fchdir", syscall.Fchdir(int(h.Fd())))
	cwd("getcwd")
	g, err := os.Open(top + "/f")
	must(err)
	result("fchdir to a file", syscall.Fchdir(int(g.Fd())))
	must(os.Remove(top + "/a/b/c"))
	_, err = syscall.Getcwd(make([]byte, 4096))
	result("getcwd of a removed directory", err)
	_, err = os.Create("x")
	result("create in a removed directory", err)
	must(os.Chdir(top))

	// os.ReadDir with types.
	must(os.Symlink("f", "sym"))
	must(syscall.Mkfifo("fifo", 0o644))
	entries, err := os.ReadDir(".")
	must(err)
	for _, e := range entries {
		say("entry", "%s %v", e.Name(), e.Type())
	}
	result("removeall", os.RemoveAll("a"))
	_, err = os.Stat("a")
	result("gone", err)
}

func rename() {
	setup := func() {
		os.RemoveAll("w")
		must(os.MkdirAll("w/dir/sub", 0o755))
		must(os.Mkdir("w/empty", 0o755))
		must(os.Mkdir("w/empty2", 0o755))
		must(os.WriteFile("w/f", []byte("f"), 0o644))
		must(os.WriteFile("w/g", []byte("g"), 0o644))
		must(os.Link("w/f", "w/same"))
		must(os.Symlink("f", "w/sym"))
	}
	list := func() string {
		var out []string
		var walk func(string)
		walk = func(p string) {
			es, _ := os.ReadDir(p)
			for _, e := range es {
				out = append(out, p[1:]+"/"+e.Name())
				if e.IsDir() {
					walk(p + "/" + e.Name())
				}
			}
		}
		walk("w")
		sort.Strings(out)
		return strings.Join(out, " ")
	}
	names := []string{"f", "g", "same", "sym", "dir", "dir/sub", "empty", "empty2", "new", "dir/new", "dir/sub/new", "no/new", "f/new",
		".", "dir/.", "dir/..", "empty/", "f/", "new/", ""}
	for _, from := range names {
		for _, to := range names {
			setup()
			err := syscall.Rename("w/"+from, "w/"+to)
			if from == "" || to == "" {
				err = syscall.Rename(from, to)
			}
			line := errno(err)
			if err == nil {
				line += " " + list()
			}
			fmt.Printf("%q to %q: %s\n", from, to, line)
		}
	}
	for _, flag := range []uintptr{1, 2, 3, 8} { // NOREPLACE, EXCHANGE, both, unknown
		for _, to := range []string{"g", "new", "dir"} {
			setup()
			raw(fmt.Sprintf("renameat2 flags %d f to %s", flag, to), 316, at(-100), cstring("w/f"), at(-100), cstring("w/"+to), flag)
			b, err := os.ReadFile("w/g")
			say("now g", "%q %s", b, errno(err))
		}
	}
}

func links() {
	must(os.WriteFile("f", []byte("data"), 0o644))
	must(os.Mkdir("d", 0o755))
	nlink := func(name string) uint64 {
		var st syscall.Stat_t
		must(syscall.Lstat(name, &st))
		return uint64(st.Nlink)
	}
	result("link", os.Link("f", "g"))
	say("nlink", "%d", nlink("f"))
	result("link over", os.Link("f", "g"))
	result("link of directory", os.Link("d", "e"))
	result("link of missing", os.Link("no", "e"))
	result("link below file", os.Link("f", "f/x"))
	must(os.WriteFile("g", []byte("through the link"), 0o644))
	b, _ := os.ReadFile("f")
	say("same contents", "%q", b)
	a1, _ := os.Stat("f")
	a2, _ := os.Stat("g")
	say("same file", "%v", os.SameFile(a1, a2))
	must(os.Remove("f"))
	say("nlink", "%d", nlink("g"))
	result("symlink", os.Symlink("g", "s"))
	result("symlink over", os.Symlink("g", "s"))
	result("symlink empty", os.Symlink("", "s2"))
	result("symlink below missing", os.Symlink("g", "no/s"))
	t, err := os.Readlink("s")
	say("readlink", "%q %s", t, errno(err))
	_, err = os.Readlink("g")
	result("readlink of a file", err)
	_, err = os.Readlink("no")
	result("readlink missing", err)
	buf := make([]byte, 2)
	must(os.Symlink("long-target", "ls"))
	n, err := syscall.Readlink("ls", buf)
	say("readlink in 2 bytes", "%d %q %s", n, buf, errno(err))
	rawValue("readlink in 0 bytes", syscall.SYS_READLINK, cstring("ls"), cstring("xx"), 0)
	result("link of a symlink", os.Link("s", "hs"))
	t, err = os.Readlink("hs")
	say("is a symlink too", "%q %s", t, errno(err))
	raw("linkat following", syscall.SYS_LINKAT, at(-100), cstring("s"), at(-100), cstring("hf"), 0x400)
	st, err := os.Lstat("hf")
	must(err)
	say("is a file", "%v", st.Mode())
	st, err = os.Lstat("s")
	must(err)
	say("lstat", "%v %d", st.Mode(), st.Size())
	must(os.Symlink("s", "ss"))
	b, err = os.ReadFile("ss")
	say("two steps", "%q %s", b, errno(err))
	prev := "g"
	for i := 0; i < 45; i++ {
		name := fmt.Sprintf("chain%d", i)
		must(os.Symlink(prev, name))
		prev = name
	}
	for _, i := range []int{10, 38, 39, 40, 44} {
		_, err = os.ReadFile(fmt.Sprintf("chain%d", i))
		result(fmt.Sprintf("chain of %d", i+1), err)
	}
	must(os.Symlink("made-through", "create-me"))
	must(os.WriteFile("create-me", []byte("x"), 0o644))
	_, err = os.Stat("made-through")
	result("created through a link", err)
	must(os.Symlink("d", "ds"))
	result("mkdir through a directory link", os.Mkdir("ds/in", 0o755))
	result("rmdir of the link", syscall.Rmdir("ds"))
	result("remove of the link", os.Remove("ds"))
	_, err = os.Stat("d/in")
	result("the directory stays", err)
	must(os.Symlink(strings.Repeat("../", 30)+"tmp", "up"))
	st, err = os.Stat("up")
	say("dotdot stops at the root", "%v %s", err == nil && st.IsDir(), errno(err))
}

func metadata() {
	must(os.WriteFile("f", []byte("12345"), 0o666))
	must(os.Mkdir("d", 0o777))
	mode := func(what, name string) {
		st, err := os.Lstat(name)
		if err != nil {
			result(what, err)
			return
		}
		say(what, "%v", st.Mode())
	}
	mode("umask file", "f")
	mode("umask directory", "d")
	for _, m := range []uint32{0, 0o400, 0o644, 0o777, 0o7777, 0o4755, 0o1777} {
		result(fmt.Sprintf("chmod %o", m), syscall.Chmod("f", m))
		mode("is", "f")
	}
	result("chmod missing", syscall.Chmod("no", 0o644))
	f, err := os.OpenFile("f", os.O_RDWR, 0)
	must(err)
	result("fchmod", f.Chmod(0o600))
	mode("is", "f")
	result("fchmod of nothing", syscall.Fchmod(99, 0))
	say("umask", "%o", syscall.Umask(0o077))
	must(os.WriteFile("private", nil, 0o666))
	mode("with umask 077", "private")
	say("umask back", "%o", syscall.Umask(0o022))

	when := time.Unix(1234567890, 123456789)
	later := time.Unix(1300000000, 5)
	must(os.Chtimes("f", when, later))
	var st syscall.Stat_t
	must(syscall.Stat("f", &st))
	say("times", "%d.%09d %d.%09d", st.Atim.Sec, st.Atim.Nsec, st.Mtim.Sec, st.Mtim.Nsec)
	say("size and links", "%d %d blksize>0 %v", st.Size, st.Nlink, st.Blksize > 0)
	ts := []syscall.Timespec{{Sec: 7, Nsec: 1<<30 - 2}, {Sec: 8, Nsec: 9}} // UTIME_OMIT
	result("utimensat omit", utimens("f", &ts[0], 0))
	must(syscall.Stat("f", &st))
	say("times", "%d.%09d %d.%09d", st.Atim.Sec, st.Atim.Nsec, st.Mtim.Sec, st.Mtim.Nsec)
	ts[1].Nsec = 2_000_000_000
	result("utimensat bad", utimens("f", &ts[0], 0))
	ts[1].Nsec = 1<<30 - 1 // UTIME_NOW
	result("utimensat now", utimens("f", &ts[0], 0))
	must(syscall.Stat("f", &st))
	say("now", "%v", time.Since(time.Unix(st.Mtim.Sec, st.Mtim.Nsec)) < time.Minute)
	result("utimensat missing", utimens("no", &ts[0], 0))
	must(os.Symlink("f", "s"))
	ts = []syscall.Timespec{{Sec: 1}, {Sec: 2}}
	result("utimensat of a link", utimens("s", &ts[0], 0x100))
	must(syscall.Lstat("s", &st))
	say("times of the link", "%d %d", st.Atim.Sec, st.Mtim.Sec)
	must(syscall.Stat("s", &st))
	say("not of the file", "%v", st.Mtim.Sec > 1_000_000)
	before := st.Mtim
	time.Sleep(20 * time.Millisecond)
	f.Write([]byte("x"))
	must(syscall.Fstat(int(f.Fd()), &st))
	say("writing moves mtime", "%v", st.Mtim != before)
	result("fstat of nothing", syscall.Fstat(99, &st))
	result("stat empty", syscall.Stat("", &st))
	raw("newfstatat empty path", 262, f.Fd(), cstring(""), uintptr(unsafe.Pointer(&st)), 0x1000)
	say("is the file", "%d", st.Size)
	raw("newfstatat bad flag", 262, f.Fd(), cstring(""), uintptr(unsafe.Pointer(&st)), 0x40000000)
	for _, m := range []uint32{0, 1, 2, 4, 6} {
		result(fmt.Sprintf("access %d", m), syscall.Access("f", m))
	}
	result("access missing", syscall.Access("no", 0))
	result("access bad mode", syscall.Access("f", 64))
	result("chown to oneself", syscall.Chown("f", -1, -1))
	result("lchown", syscall.Lchown("s", -1, -1))
	result("fchown", f.Chown(-1, -1))
	result("chown missing", syscall.Chown("no", -1, -1))
	var fs syscall.Statfs_t
	result("statfs", syscall.Statfs(".", &fs))
	say("statfs is plausible", "%v", fs.Bsize > 0 && fs.Blocks >= fs.Bfree && fs.Namelen == 255)
	result("statfs missing", syscall.Statfs("no", &fs))
	result("fstatfs of nothing", syscall.Fstatfs(99, &fs))
	// statx(2), by number: package syscall does not know it.
	var sx [256]byte
	raw("statx", 332, at(-100), cstring("f"), 0, 0x7ff, uintptr(unsafe.Pointer(&sx)))
	say("statx size", "%d", *(*uint64)(unsafe.Pointer(&sx[40])))
	_, err = syscall.Getxattr("f", "user.none", nil)
	say("no such attribute", "%v", err != nil)
}

func utimens(name string, ts *syscall.Timespec, flags uintptr) error {
	_, e := call(syscall.SYS_UTIMENSAT, at(-100), cstring(name), uintptr(unsafe.Pointer(ts)), flags)
	if e != 0 {
		return e
	}
	return nil
}

func removed() {
	f, err := os.Create("f")
	must(err)
	fmt.Fprint(f, "still here")
	must(os.Remove("f"))
	var st syscall.Stat_t
	must(syscall.Fstat(int(f.Fd()), &st))
	say("links of a removed file", "%d size %d", st.Nlink, st.Size)
	b := make([]byte, 20)
	n, err := f.ReadAt(b, 0)
	say("readable", "%q %v", b[:n], err)
	_, err = f.WriteAt([]byte("and writable"), 0)
	result("write", err)
	must(os.WriteFile("f", []byte("another"), 0o644))
	n, _ = f.ReadAt(b, 0)
	say("not mixed up with a new one", "%q", b[:n])
	must(os.WriteFile("g", []byte("old"), 0o644))
	g, err := os.Open("g")
	must(err)
	must(os.WriteFile("h", []byte("new"), 0o644))
	must(os.Rename("h", "g"))
	n, _ = g.Read(b)
	say("open file survives being replaced", "%q", b[:n])
	now, _ := os.ReadFile("g")
	say("and the name has the new one", "%q", now)
	must(os.Mkdir("d", 0o755))
	d, err := os.Open("d")
	must(err)
	must(os.Remove("d"))
	_, err = d.Readdirnames(-1)
	result("list of a removed directory", err)
	raw("openat in a removed directory", syscall.SYS_OPENAT, d.Fd(), cstring("x"), syscall.O_CREAT|1, 0o644)
}

func names() {
	long := strings.Repeat("n", 255)
	result("255 bytes", os.WriteFile(long, nil, 0o644))
	result("256 bytes", os.WriteFile(long+"x", nil, 0o644))
	_, err := os.Stat(strings.Repeat("x", 256))
	result("stat of 256 bytes", err)
	_, err = os.Stat(strings.Repeat("./", 2047) + "x")
	result("path of 4095 bytes", err)
	_, err = os.Stat(strings.Repeat("./", 2048))
	result("path of 4096 bytes", err)
	for _, n := range []string{"with space", "tab\t", "new\nline", "grüße", "\xff\xfe", "-dash", "*", "..."} {
		must(os.WriteFile(n, []byte(n), 0o644))
		b, err := os.ReadFile(n)
		say("name", "%q %s", b, errno(err))
	}
	entries, err := os.ReadDir(".")
	must(err)
	for _, e := range entries {
		fmt.Printf("%.20q\n", e.Name())
	}
	deep := "."
	for i := 0; i < 100; i++ {
		deep += "/deep"
		must(os.Mkdir(deep, 0o755))
	}
	result("deep", os.WriteFile(deep+"/f", []byte("x"), 0o644))
	result("removeall", os.RemoveAll("deep"))
}
