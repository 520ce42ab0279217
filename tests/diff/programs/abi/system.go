package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	areas["time"] = clocks
	areas["system"] = system
	areas["proc"] = proc
	areas["devices"] = devices
	areas["environment"] = environment
}

func clocks() {
	runtime.LockOSThread() // one of the clocks is the thread's
	defer runtime.UnlockOSThread()
	last := time.Now()
	back := 0
	for i := 0; i < 100_000; i++ {
		n := time.Now()
		if n.Sub(last) < 0 {
			back++
		}
		last = n
	}
	say("monotonic", "%d steps back", back)
	for _, c := range []struct {
		name string
		id   uintptr
	}{{"realtime", 0}, {"monotonic", 1}, {"process cpu", 2}, {"thread cpu", 3}, {"raw", 4}, {"realtime coarse", 5}, {"monotonic coarse", 6},
		{"boottime", 7}, {"unknown", 99}} {
		var a, b, res syscall.Timespec
		raw("clock_gettime "+c.name, syscall.SYS_CLOCK_GETTIME, c.id, uintptr(unsafe.Pointer(&a)))
		time.Sleep(time.Millisecond)
		call(syscall.SYS_CLOCK_GETTIME, c.id, uintptr(unsafe.Pointer(&b)))
		say("goes on", "%v", b.Nano() >= a.Nano())
		raw("clock_getres "+c.name, syscall.SYS_CLOCK_GETRES, c.id, uintptr(unsafe.Pointer(&res)))
		say("at most 10 ms", "%v", res.Sec == 0 && res.Nsec <= 10_000_000)
	}
	raw("clock_gettime bad pointer", syscall.SYS_CLOCK_GETTIME, 1, wild)
	raw("clock_getres without a result", syscall.SYS_CLOCK_GETRES, 1, 0)
	sleep := func(what string, sec, nsec int64) {
		ts := syscall.Timespec{Sec: sec, Nsec: nsec}
		start := time.Now()
		_, e := call(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0)
		say(what, "%s long enough %v", errno(e), time.Since(start) >= time.Duration(nsec))
	}
	sleep("0", 0, 0)
	sleep("1 ns", 0, 1)
	sleep("50 us", 0, 50_000)
	sleep("5 ms", 0, 5_000_000)
	ts := syscall.Timespec{Sec: -1}
	raw("negative", syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0)
	ts = syscall.Timespec{Nsec: 1_000_000_000}
	raw("too many nanoseconds", syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0)
	raw("bad pointer", syscall.SYS_NANOSLEEP, wild, 0)
	past := syscall.Timespec{Sec: 1}
	raw("clock_nanosleep in the past", syscall.SYS_CLOCK_NANOSLEEP, 1, 1, uintptr(unsafe.Pointer(&past)), 0)
	raw("clock_nanosleep bad clock", syscall.SYS_CLOCK_NANOSLEEP, 99, 0, uintptr(unsafe.Pointer(&past)), 0)
	var tv syscall.Timeval
	must(syscall.Gettimeofday(&tv))
	d := time.Since(time.Unix(tv.Sec, tv.Usec*1000))
	say("gettimeofday agrees", "%v", d >= -time.Millisecond && d < time.Second)
	var t syscall.Time_t
	now, err := syscall.Time(&t)
	say("time agrees", "%v %s", now == t && int64(now)-tv.Sec <= 2, errno(err))
	// Timers fire when they should, many at once, and a stopped one does not.
	start := time.Now()
	early := make(chan bool, 100)
	for _, i := range []int{5, 3, 1, 4, 2} {
		d := time.Duration(i) * 40 * time.Millisecond
		time.AfterFunc(d, func() { early <- time.Since(start) < d })
	}
	never := time.AfterFunc(60*time.Millisecond, func() { early <- true })
	say("stopped in time", "%v", never.Stop())
	for i := 0; i < 5; i++ {
		say("timer fired early", "%v", <-early)
	}
	fired := make(chan bool, 1000)
	for i := 0; i < 1000; i++ {
		time.AfterFunc(time.Duration(i%10)*time.Millisecond, func() { fired <- true })
	}
	for i := 0; i < 1000; i++ {
		<-fired
	}
	say("a thousand timers", "fired")
	start = time.Now()
	time.Sleep(200 * time.Millisecond)
	took := time.Since(start)
	say("200 ms", "%v", took >= 200*time.Millisecond && took < 2*time.Second)
	var cpu1, cpu2 syscall.Timespec
	call(syscall.SYS_CLOCK_GETTIME, 2, uintptr(unsafe.Pointer(&cpu1)))
	time.Sleep(100 * time.Millisecond)
	call(syscall.SYS_CLOCK_GETTIME, 2, uintptr(unsafe.Pointer(&cpu2)))
	say("sleeping takes little CPU time", "%v", cpu2.Nano()-cpu1.Nano() < 60_000_000)
}

func system() {
	var u syscall.Utsname
	must(syscall.Uname(&u))
	text := func(f [65]int8) string {
		var b strings.Builder
		for _, c := range f {
			if c == 0 {
				break
			}
			b.WriteByte(byte(c))
		}
		return b.String()
	}
	say("uname", "%s %s, a release %v, a node %v", text(u.Sysname), text(u.Machine), strings.Count(text(u.Release), ".") >= 1, text(u.Nodename) != "")
	raw("uname bad pointer", syscall.SYS_UNAME, wild)
	host, err := os.Hostname()
	say("hostname is uname's", "%v %s", host == text(u.Nodename), errno(err))
	names := []string{"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS"}
	for i, n := range names {
		var l syscall.Rlimit
		err := syscall.Getrlimit(i, &l)
		say("rlimit "+n, "%s cur<=max %v", errno(err), l.Cur <= l.Max)
	}
	raw("getrlimit unknown", syscall.SYS_GETRLIMIT, 99, wild)
	raw("getrlimit bad pointer", syscall.SYS_GETRLIMIT, 7, wild)
	l := syscall.Rlimit{Cur: 10, Max: 5}
	result("cur over max", syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l))
	raw("prlimit of nobody", syscall.SYS_PRLIMIT64, 1<<22+5, 7, 0, 0)
	var si syscall.Sysinfo_t
	must(syscall.Sysinfo(&si))
	say("sysinfo", "ram %v free %v unit %v processes %v", si.Totalram > 0, si.Freeram > 0 && si.Freeram <= si.Totalram, si.Unit > 0, si.Procs > 0)
	raw("sysinfo bad pointer", syscall.SYS_SYSINFO, wild)
	var ru syscall.Rusage
	for i := 0; i < 10_000_000; i++ {
		ru.Nivcsw ^= int64(i)
	}
	for _, who := range []int{syscall.RUSAGE_SELF, 1} {
		must(syscall.Getrusage(who, &ru))
		say("getrusage", "some time %v", ru.Utime.Nano()+ru.Stime.Nano() > 0)
	}
	say("peak memory", "%v", ru.Maxrss > 0)
	must(syscall.Getrusage(syscall.RUSAGE_CHILDREN, &ru))
	say("children", "%v", ru.Utime.Nano() == 0)
	raw("getrusage unknown", syscall.SYS_GETRUSAGE, 9, uintptr(unsafe.Pointer(&ru)))
	var tms [4]int64
	v, e := call(syscall.SYS_TIMES, uintptr(unsafe.Pointer(&tms)))
	say("times", "%v %s", v > 0, errno(e))
	say("ids agree", "%v", syscall.Getuid() == syscall.Geteuid() && syscall.Getgid() == syscall.Getegid())
	_, err = syscall.Getgroups()
	result("getgroups", err)
	say("getpid", "%v", syscall.Getpid() > 0 && syscall.Getppid() >= 0 && syscall.Gettid() > 0)
	rawValue("getpriority", syscall.SYS_GETPRIORITY, 0, 0)
	raw("getpriority bad which", syscall.SYS_GETPRIORITY, 9, 0)
	rawValue("sched_getscheduler", syscall.SYS_SCHED_GETSCHEDULER, 0)
	rawValue("sched_get_priority_max", syscall.SYS_SCHED_GET_PRIORITY_MAX, 1)
	rawValue("personality", syscall.SYS_PERSONALITY, 0xffffffff)
	var name [16]byte
	raw("prctl PR_SET_NAME", syscall.SYS_PRCTL, 15, cstring("probe"))
	raw("prctl PR_GET_NAME", syscall.SYS_PRCTL, 16, uintptr(unsafe.Pointer(&name)))
	say("name", "%q", bytes.TrimRight(name[:], "\x00"))
	raw("prctl unknown", syscall.SYS_PRCTL, 123456)
	raw("arch_prctl unknown", syscall.SYS_ARCH_PRCTL, 0x9999, 0)
	raw("number beyond the table", 5000)
	raw("negative number", at(-5))
	var b [32]byte
	rawValue("getrandom", 318, uintptr(unsafe.Pointer(&b)), 32, 0)
	say("is random", "%v", b != [32]byte{})
	rawValue("getrandom bad flags", 318, uintptr(unsafe.Pointer(&b)), 32, 0x100)
	rawValue("getrandom bad pointer", 318, wild, 32, 0)
	r := make([]byte, 100_000)
	_, err = rand.Read(r)
	result("crypto/rand", err)
	var histogram [256]int
	for _, c := range r {
		histogram[c]++
	}
	low, high := histogram[0], histogram[0]
	for _, n := range histogram {
		if n < low {
			low = n
		}
		if n > high {
			high = n
		}
	}
	say("evenly spread", "%v", low > 250 && high < 550)
	say("NumCPU", "%v", runtime.NumCPU() > 0)
	me, err := user.Current()
	say("user", "%v %v", err == nil && me.Uid != "", err)
	rawValue("setpgid bad", syscall.SYS_SETPGID, at(-1), 0)
	rawValue("wait4 without children", syscall.SYS_WAIT4, at(-1), 0, 0, 0)
	rawValue("waitid without children", syscall.SYS_WAITID, 0, 0, uintptr(unsafe.Pointer(&b)), 4)
}

func proc() {
	exe, err := os.Executable()
	say("executable", "%v %s", exe != "", errno(err))
	link, err := os.Readlink("/proc/self/exe")
	say("/proc/self/exe", "%v %s", link == exe, errno(err))
	cmdline, err := os.ReadFile("/proc/self/cmdline")
	say("cmdline", "%q %s", bytes.Split(cmdline, []byte{0})[1:], errno(err))

	// maps: this function, a variable and a mapping are in regions with their rights.
	maps, err := os.ReadFile("/proc/self/maps")
	result("maps", err)
	code := uintptr(0)
	fn := proc
	code = **(**uintptr)(unsafe.Pointer(&fn))
	heap := new([100000]byte)
	m := mapped(4, protRead)
	call(syscall.SYS_MPROTECT, m+page, page, protNone)
	maps, _ = os.ReadFile("/proc/self/maps")
	for _, q := range []struct {
		what string
		a    uintptr
	}{{"code", code}, {"heap", uintptr(unsafe.Pointer(heap))}, {"read-only", m}, {"none", m + page}, {"read-only above", m + 2*page}, {"wild", wild}} {
		say("maps has "+q.what, "%s", rights(string(maps), q.a))
	}
	last := uint64(0)
	sorted := true
	s := bufio.NewScanner(bytes.NewReader(maps))
	for s.Scan() {
		var lo, hi uint64
		if n, _ := fmt.Sscanf(s.Text(), "%x-%x", &lo, &hi); n != 2 || lo >= hi || lo < last {
			sorted = false
		}
		last = hi
	}
	say("sorted, without overlap", "%v", sorted)

	for _, q := range []struct{ file, want string }{
		{"/proc/meminfo", "MemTotal:"}, {"/proc/meminfo", "MemFree:"}, {"/proc/meminfo", "MemAvailable:"}, {"/proc/cpuinfo", "processor\t: 0"},
		{"/proc/cpuinfo", "flags"}, {"/proc/stat", "cpu "}, {"/proc/self/status", "VmRSS:"}, {"/proc/self/status", "Pid:"},
		{"/proc/self/mountinfo", " / "}, {"/proc/mounts", " / "},
	} {
		b, err := os.ReadFile(q.file)
		say(q.file, "has %q: %v %s", q.want, bytes.Contains(b, []byte(q.want)), errno(err))
	}
	b, err := os.ReadFile("/proc/uptime")
	var up, idle float64
	n, _ := fmt.Sscan(string(b), &up, &idle)
	say("/proc/uptime", "%d %s", n, errno(err))
	b, err = os.ReadFile("/proc/loadavg")
	say("/proc/loadavg", "%d fields %s", len(strings.Fields(string(b))), errno(err))
	b, err = os.ReadFile("/proc/self/auxv")
	say("auxv", "%v %s", len(b) > 0 && len(b)%16 == 0, errno(err))
	host, _ := os.Hostname()
	b, err = os.ReadFile("/proc/sys/kernel/hostname")
	say("hostname", "%v %s", string(b) == host+"\n", errno(err))
	b, err = os.ReadFile("/proc/sys/net/core/somaxconn")
	var somax int
	fmt.Sscan(string(b), &somax)
	say("somaxconn", "%v %s", somax > 0, errno(err))
	b, err = os.ReadFile("/proc/self/cgroup")
	say("cgroup", "%s", errno(err))
	b, err = os.ReadFile("/sys/devices/system/cpu/online")
	say("cpus", "%v %s", bytes.HasPrefix(b, []byte("0")), errno(err))
	_, err = os.ReadFile("/proc/self/nothing")
	result("no such file", err)
	result("mkdir in /proc", os.Mkdir("/proc/new", 0o755))
	_, err = os.Create("/proc/new")
	say("create in /proc", "%v", err != nil)
	result("remove in /proc", syscall.Unlink("/proc/meminfo"))

	// Open descriptors show.
	r, _ := pipe(0)
	name := fmt.Sprintf("/proc/self/fd/%d", r)
	link, err = os.Readlink(name)
	say("pipe in fd", "%v %s", strings.HasPrefix(link, "pipe:["), errno(err))
	tmp, err := os.CreateTemp("", "probe")
	must(err)
	defer os.Remove(tmp.Name())
	link, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", tmp.Fd()))
	say("file in fd", "%v %s", link == tmp.Name(), errno(err))
	fmt.Fprint(tmp, "text")
	b, err = os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", tmp.Fd()))
	say("opens again", "%q %s", b, errno(err))
	_, err = os.Stat("/proc/self/fd/99")
	result("closed one", err)
	st, err := os.Stat("/proc")
	say("/proc", "%v %s", err == nil && st.IsDir(), errno(err))
	pid := fmt.Sprintf("/proc/%d/status", os.Getpid())
	_, err = os.ReadFile(pid)
	result("by number", err)
	_, err = os.ReadFile("/proc/4199999/status")
	result("nobody's", err)
}

// rights finds the region of an address in /proc/self/maps.
func rights(maps string, a uintptr) string {
	for _, line := range strings.Split(maps, "\n") {
		var lo, hi uintptr
		var p string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &lo, &hi, &p); n == 3 && lo <= a && a < hi {
			return p
		}
	}
	return "in no region"
}

func devices() {
	read := func(name string, n int) []byte {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			result(name, err)
			return nil
		}
		defer f.Close()
		b := make([]byte, n)
		k, err := f.Read(b)
		say(name+" read", "%d %v", k, err)
		k, err = f.Write([]byte("written"))
		say(name+" write", "%d %s", k, errno(err))
		st, err := f.Stat()
		must(err)
		say(name+" mode", "%v", st.Mode().Type())
		return b[:k]
	}
	read("/dev/null", 10)
	z := read("/dev/zero", 10)
	say("zero", "%d", z)
	read("/dev/urandom", 10)
	read("/dev/random", 10)
	read("/dev/full", 10)
	_, err := os.Open("/dev/nothing")
	result("no such device", err)
	f, err := os.OpenFile("/dev/stdout", os.O_WRONLY, 0)
	result("/dev/stdout", err)
	if err == nil {
		fmt.Fprintln(f, "through /dev/stdout")
	}
	var st syscall.Stat_t
	must(syscall.Stat("/dev/null", &st))
	say("null", "%#x %o", st.Rdev, st.Mode&syscall.S_IFMT)
	must(syscall.Stat("/dev/zero", &st))
	say("zero", "%#x", st.Rdev)
	raw("mmap of /dev/null", syscall.SYS_OPEN, cstring("/dev/null"), 0)
	n, err := os.OpenFile("/dev/null", os.O_WRONLY|os.O_TRUNC|os.O_CREATE, 0o644)
	result("null with O_TRUNC|O_CREATE", err)
	_, err = n.Seek(100, 0)
	result("seek", err)
	_, err = os.ReadDir("/dev/null")
	result("as a directory", err)
}

func environment() {
	say("set", "%s", errno(os.Setenv("PROBE", "value")))
	say("get", "%q", os.Getenv("PROBE"))
	say("expand", "%q", os.ExpandEnv("$PROBE-${PROBE}-$NOTHING"))
	os.Unsetenv("PROBE")
	_, ok := os.LookupEnv("PROBE")
	say("unset", "%v", ok)
	say("temporary directory exists", "%v", func() bool { st, err := os.Stat(os.TempDir()); return err == nil && st.IsDir() }())
	dir, err := os.Getwd()
	say("working directory", "%v %s", strings.HasPrefix(dir, "/"), errno(err))
	say("three arguments at most", "%d", len(os.Args))
}
