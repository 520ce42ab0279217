package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

func init() {
	areas["bad-pointers"] = inTemporary(badPointers)
	areas["bad-descriptors"] = badDescriptors
}

// badPointers gives each system call that takes a pointer, in turn, an address that is not mapped,
// one that may not be accessed, one in the kernel's half and one that is not canonical. Linux
// answers EFAULT wherever it gets as far as looking.
func badPointers() {
	must(os.WriteFile("f", []byte("contents"), 0o644))
	must(os.Symlink("f", "s"))
	f, err := os.OpenFile("f", os.O_RDWR, 0)
	must(err)
	file := f.Fd()
	dir, err := os.Open(".")
	must(err)
	r, w := pipe(syscall.O_NONBLOCK)
	syscall.Write(w, []byte("data"))
	ep, err := syscall.EpollCreate1(0)
	must(err)
	none := mapped(1, protNone)
	readOnly := mapped(1, protRead)
	name := cstring("f")
	buf := cstring(string(make([]byte, 4096)))
	cwd := at(-100)
	ev := syscall.EpollEvent{Events: 1}

	// P stands for the bad pointer; out says that the call writes there.
	const P = 0xbad
	for _, c := range []struct {
		name string
		nr   uintptr
		out  bool
		args []uintptr
	}{
		{"read", syscall.SYS_READ, true, []uintptr{file, P, 4}},
		{"write", syscall.SYS_WRITE, false, []uintptr{file, P, 4}},
		{"pread", syscall.SYS_PREAD64, true, []uintptr{file, P, 4, 0}},
		{"pwrite", syscall.SYS_PWRITE64, false, []uintptr{file, P, 4, 0}},
		{"read of a pipe", syscall.SYS_READ, true, []uintptr{uintptr(r), P, 4}},
		{"write to a pipe", syscall.SYS_WRITE, false, []uintptr{uintptr(w), P, 4}},
		{"readv", syscall.SYS_READV, false, []uintptr{file, P, 1}},
		{"writev", syscall.SYS_WRITEV, false, []uintptr{file, P, 1}},
		{"open", syscall.SYS_OPEN, false, []uintptr{P, 0, 0}},
		{"openat", syscall.SYS_OPENAT, false, []uintptr{cwd, P, 0, 0}},
		{"stat path", syscall.SYS_STAT, false, []uintptr{P, buf}},
		{"stat", syscall.SYS_STAT, true, []uintptr{name, P}},
		{"lstat", syscall.SYS_LSTAT, true, []uintptr{name, P}},
		{"fstat", syscall.SYS_FSTAT, true, []uintptr{file, P}},
		{"newfstatat", 262, true, []uintptr{cwd, name, P, 0}},
		{"access", syscall.SYS_ACCESS, false, []uintptr{P, 0}},
		{"chdir", syscall.SYS_CHDIR, false, []uintptr{P}},
		{"mkdir", syscall.SYS_MKDIR, false, []uintptr{P, 0o755}},
		{"rmdir", syscall.SYS_RMDIR, false, []uintptr{P}},
		{"unlink", syscall.SYS_UNLINK, false, []uintptr{P}},
		{"rename from", syscall.SYS_RENAME, false, []uintptr{P, name}},
		{"rename to", syscall.SYS_RENAME, false, []uintptr{name, P}},
		{"link to", syscall.SYS_LINK, false, []uintptr{name, P}},
		{"symlink", syscall.SYS_SYMLINK, false, []uintptr{P, name}},
		{"readlink path", syscall.SYS_READLINK, false, []uintptr{P, buf, 10}},
		{"readlink", syscall.SYS_READLINK, true, []uintptr{cstring("s"), P, 10}},
		{"chmod", syscall.SYS_CHMOD, false, []uintptr{P, 0o644}},
		{"chown", syscall.SYS_CHOWN, false, []uintptr{P, at(-1), at(-1)}},
		{"truncate", syscall.SYS_TRUNCATE, false, []uintptr{P, 0}},
		{"utimensat path", syscall.SYS_UTIMENSAT, false, []uintptr{cwd, P, 0, 0}},
		{"utimensat", syscall.SYS_UTIMENSAT, false, []uintptr{cwd, name, P, 0}},
		{"getdents64", syscall.SYS_GETDENTS64, true, []uintptr{dir.Fd(), P, 4096}},
		{"getcwd", syscall.SYS_GETCWD, true, []uintptr{P, 4096}},
		{"statfs", syscall.SYS_STATFS, true, []uintptr{name, P}},
		{"pipe2", syscall.SYS_PIPE2, true, []uintptr{P, 0}},
		{"poll", syscall.SYS_POLL, true, []uintptr{P, 1, 0}},
		{"epoll_ctl", syscall.SYS_EPOLL_CTL, false, []uintptr{uintptr(ep), 1, uintptr(r), P}},
		{"nanosleep", syscall.SYS_NANOSLEEP, false, []uintptr{P, 0}},
		{"clock_gettime", syscall.SYS_CLOCK_GETTIME, true, []uintptr{1, P}},
		{"clock_getres", syscall.SYS_CLOCK_GETRES, true, []uintptr{1, P}},
		{"gettimeofday", syscall.SYS_GETTIMEOFDAY, true, []uintptr{P, 0}},
		{"time", syscall.SYS_TIME, true, []uintptr{P}},
		{"times", syscall.SYS_TIMES, true, []uintptr{P}},
		{"uname", syscall.SYS_UNAME, true, []uintptr{P}},
		{"sysinfo", syscall.SYS_SYSINFO, true, []uintptr{P}},
		{"getrusage", syscall.SYS_GETRUSAGE, true, []uintptr{0, P}},
		{"getrlimit", syscall.SYS_GETRLIMIT, true, []uintptr{7, P}},
		{"setrlimit", syscall.SYS_SETRLIMIT, false, []uintptr{7, P}},
		{"prlimit", syscall.SYS_PRLIMIT64, true, []uintptr{0, 7, 0, P}},
		{"futex", syscall.SYS_FUTEX, false, []uintptr{P, 128, 0, 0}},
		{"rt_sigaction", syscall.SYS_RT_SIGACTION, false, []uintptr{10, P, 0, 8}},
		{"rt_sigaction old", syscall.SYS_RT_SIGACTION, true, []uintptr{10, 0, P, 8}},
		{"rt_sigprocmask", syscall.SYS_RT_SIGPROCMASK, false, []uintptr{0, P, 0, 8}},
		{"rt_sigprocmask old", syscall.SYS_RT_SIGPROCMASK, true, []uintptr{0, 0, P, 8}},
		{"sigaltstack", syscall.SYS_SIGALTSTACK, false, []uintptr{P, 0}},
		{"sigaltstack old", syscall.SYS_SIGALTSTACK, true, []uintptr{0, P}},
		{"sched_getaffinity", syscall.SYS_SCHED_GETAFFINITY, true, []uintptr{0, 128, P}},
		{"getrandom", 318, true, []uintptr{P, 16, 0}},
		{"mincore", syscall.SYS_MINCORE, true, []uintptr{readOnly, 4096, P}},
		{"sendfile offset", syscall.SYS_SENDFILE, true, []uintptr{uintptr(w), file, P, 1}},
		{"setitimer", syscall.SYS_SETITIMER, false, []uintptr{0, P, 0}},
		{"getitimer", syscall.SYS_GETITIMER, true, []uintptr{0, P}},
		{"arch_prctl get fs", syscall.SYS_ARCH_PRCTL, true, []uintptr{0x1003, P}},
		{"getxattr", syscall.SYS_GETXATTR, false, []uintptr{P, P, buf, 10}},
		{"mount", syscall.SYS_STATFS, false, []uintptr{P, buf}},
	} {
		for _, p := range []struct {
			what string
			a    uintptr
		}{{"wild", wild}, {"none", none}, {"read-only", readOnly}, {"kernel", 0xffff_8000_0000_0000}, {"top", at(-8)}, {"not canonical", 1 << 60}, {"page 0", 8}} {
			if p.what == "read-only" && !c.out {
				continue
			}
			args := append([]uintptr{}, c.args...)
			for i, a := range args {
				if a == P {
					args[i] = p.a
				}
			}
			_, e := call(c.nr, args...)
			fmt.Printf("%s, %s: %s\n", c.name, p.what, errno(e))
		}
	}
	// The last byte of a page before one that is not there.
	two := mapped(2, protRW)
	call(syscall.SYS_MUNMAP, two+page, page)
	copy(bytesAt(two+page-4, 4), "/tmp")
	_, e := call(syscall.SYS_ACCESS, two+page-4, 0)
	say("name without its NUL", "%s", errno(e))
	copy(bytesAt(two+page-5, 5), "/tmp\x00")
	_, e = call(syscall.SYS_ACCESS, two+page-5, 0)
	say("name up to the end of its page", "%s", errno(e))
	_, e = call(syscall.SYS_FSTAT, file, two+page-8)
	say("stat over the end", "%s", errno(e))
	must(syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, r, &ev))
	var st syscall.Stat_t
	_, e = call(syscall.SYS_FSTAT, file, uintptr(unsafe.Pointer(&st)))
	say("and all is well after", "%s %d", errno(e), st.Size)
}

// badDescriptors gives each call that takes a descriptor one that is closed, one that is negative
// and one that is far too large.
func badDescriptors() {
	buf := cstring(string(make([]byte, 512)))
	for _, c := range []struct {
		name string
		nr   uintptr
		args []uintptr
	}{
		{"read", syscall.SYS_READ, []uintptr{buf, 4}}, {"write", syscall.SYS_WRITE, []uintptr{buf, 4}},
		{"pread", syscall.SYS_PREAD64, []uintptr{buf, 4, 0}}, {"pwrite", syscall.SYS_PWRITE64, []uintptr{buf, 4, 0}},
		{"readv", syscall.SYS_READV, []uintptr{buf, 1}}, {"writev", syscall.SYS_WRITEV, []uintptr{buf, 1}},
		{"lseek", syscall.SYS_LSEEK, []uintptr{0, 0}}, {"fstat", syscall.SYS_FSTAT, []uintptr{buf}},
		{"close", syscall.SYS_CLOSE, nil}, {"dup", syscall.SYS_DUP, nil}, {"dup2", syscall.SYS_DUP2, []uintptr{40}},
		{"fcntl", syscall.SYS_FCNTL, []uintptr{1}}, {"ioctl", syscall.SYS_IOCTL, []uintptr{0x541b, buf}},
		{"fsync", syscall.SYS_FSYNC, nil}, {"fdatasync", syscall.SYS_FDATASYNC, nil}, {"ftruncate", syscall.SYS_FTRUNCATE, []uintptr{0}},
		{"fchmod", syscall.SYS_FCHMOD, []uintptr{0o644}}, {"fchown", syscall.SYS_FCHOWN, []uintptr{at(-1), at(-1)}},
		{"fchdir", syscall.SYS_FCHDIR, nil}, {"flock", syscall.SYS_FLOCK, []uintptr{1}}, {"getdents64", syscall.SYS_GETDENTS64, []uintptr{buf, 512}},
		{"fallocate", syscall.SYS_FALLOCATE, []uintptr{0, 0, 1}}, {"fstatfs", syscall.SYS_FSTATFS, []uintptr{buf}},
		{"epoll_wait", syscall.SYS_EPOLL_WAIT, []uintptr{buf, 1, 0}}, {"epoll_ctl", syscall.SYS_EPOLL_CTL, []uintptr{1, 0, buf}},
		{"mkdirat", syscall.SYS_MKDIRAT, []uintptr{cstring("x"), 0o755}}, {"openat", syscall.SYS_OPENAT, []uintptr{cstring("x"), 0}},
		{"unlinkat", syscall.SYS_UNLINKAT, []uintptr{cstring("x"), 0}}, {"fchmodat", syscall.SYS_FCHMODAT, []uintptr{cstring("x"), 0o644}},
		{"readlinkat", syscall.SYS_READLINKAT, []uintptr{cstring("x"), buf, 10}},
		{"sendfile", syscall.SYS_SENDFILE, []uintptr{0, 0, 10}}, {"syncfs", 306, nil},
	} {
		for _, fd := range []struct {
			what string
			n    uintptr
		}{{"closed", 77}, {"-1", at(-1)}, {"-2", at(-2)}, {"huge", 0x7fffffff}, {"most negative", 0x80000000}} {
			_, e := call(c.nr, append([]uintptr{fd.n}, c.args...)...)
			fmt.Printf("%s of %s: %s\n", c.name, fd.what, errno(e))
		}
	}
}
