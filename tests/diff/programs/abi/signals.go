package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	areas["signals"] = signals
	areas["signal-masks"] = signalMasks
	areas["signal-timers"] = signalTimers
	areas["futex"] = futex
	areas["threads"] = threads
}

// expect waits for a signal, at most five seconds.
func expect(what string, c chan os.Signal) {
	select {
	case s := <-c:
		say(what, "%v", s)
	case <-time.After(5 * time.Second):
		say(what, "no signal came")
	}
}

func signals() {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGWINCH, syscall.SIGINT)
	self := syscall.Getpid()
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGWINCH, syscall.SIGINT} {
		must(syscall.Kill(self, s))
		expect("kill", c)
	}
	p, err := os.FindProcess(self)
	must(err)
	must(p.Signal(syscall.SIGUSR1))
	expect("os.Process.Signal", c)
	runtime.LockOSThread()
	tid := uintptr(syscall.Gettid())
	raw("tgkill", syscall.SYS_TGKILL, uintptr(self), tid, uintptr(syscall.SIGUSR2))
	expect("tgkill", c)
	raw("tkill", syscall.SYS_TKILL, tid, uintptr(syscall.SIGUSR1))
	expect("tkill", c)
	runtime.UnlockOSThread()
	result("kill with 0", syscall.Kill(self, 0))
	result("kill bad signal", syscall.Kill(self, 65))
	result("kill of nobody", syscall.Kill(1<<22+5, syscall.SIGUSR1))
	raw("tgkill of another group", syscall.SYS_TGKILL, 1<<22+5, tid, 10)
	raw("tgkill of nobody", syscall.SYS_TGKILL, uintptr(self), 1<<22+5, 10)
	raw("tgkill bad", syscall.SYS_TGKILL, at(-1), tid, 10)
	raw("tkill bad", syscall.SYS_TKILL, 0, 10)
	signal.Ignore(syscall.SIGUSR1)
	must(syscall.Kill(self, syscall.SIGUSR1))
	signal.Notify(c, syscall.SIGUSR1)
	must(syscall.Kill(self, syscall.SIGUSR2))
	expect("an ignored one is gone", c)
	signal.Reset()
	must(syscall.Kill(self, syscall.SIGWINCH)) // ignored by default
	must(syscall.Kill(self, syscall.SIGCHLD))
	must(syscall.Kill(self, syscall.SIGURG))
	say("defaults that ignore", "still here")
	// Many at once: none may be lost between threads that wait in different ways.
	var got int32
	signal.Notify(c, syscall.SIGUSR1)
	done := make(chan bool)
	go func() {
		for range c {
			if atomic.AddInt32(&got, 1) == 50 {
				done <- true
			}
		}
	}()
	for i := 0; i < 50; i++ {
		must(syscall.Kill(self, syscall.SIGUSR1))
		for start := time.Now(); atomic.LoadInt32(&got) <= int32(i) && time.Since(start) < 5*time.Second; {
			time.Sleep(50 * time.Microsecond)
		}
	}
	select {
	case <-done:
		say("fifty", "all came")
	case <-time.After(time.Second):
		say("fifty", "only %d came", got)
	}
	// The default action of a fatal one, last: it ends the program.
	signal.Reset(syscall.SIGTERM)
	must(syscall.Kill(self, syscall.SIGTERM))
	time.Sleep(5 * time.Second)
	say("SIGTERM", "survived")
}

type sigset uint64

func procmask(how int, set, old *sigset) syscall.Errno {
	_, e := call(syscall.SYS_RT_SIGPROCMASK, uintptr(how), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), 8)
	return e
}

func bit(s syscall.Signal) sigset { return 1 << (s - 1) }

func signalMasks() {
	runtime.LockOSThread()
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGUSR2)
	self, tid := uintptr(syscall.Getpid()), uintptr(syscall.Gettid())
	var old, now, pending sigset
	set := bit(syscall.SIGUSR1)
	say("block", "%s", errno(procmask(0, &set, &old)))
	say("was", "%#x", uint64(old))
	procmask(0, nil, &now)
	say("is", "%#x", uint64(now))
	raw("tgkill of a blocked one", syscall.SYS_TGKILL, self, tid, uintptr(syscall.SIGUSR1))
	raw("again", syscall.SYS_TGKILL, self, tid, uintptr(syscall.SIGUSR1))
	raw("sigpending", syscall.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&pending)), 8)
	say("pending", "%#x", uint64(pending))
	select {
	case <-c:
		say("delivered", "although blocked")
	case <-time.After(50 * time.Millisecond):
		say("held back", "yes")
	}
	say("unblock", "%s", errno(procmask(1, &set, nil)))
	expect("delivered", c)
	select {
	case <-c:
		say("twice", "a standard signal does not queue")
	case <-time.After(50 * time.Millisecond):
		say("once", "yes")
	}
	all := ^sigset(0)
	say("setmask all", "%s", errno(procmask(2, &all, nil)))
	procmask(0, nil, &now)
	say("KILL and STOP cannot be blocked", "%#x", uint64(now))
	var info [128]byte
	ts := syscall.Timespec{Nsec: 1_000_000}
	raw("sigtimedwait, none", syscall.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&ts)), 8)
	raw("tgkill", syscall.SYS_TGKILL, self, tid, uintptr(syscall.SIGUSR1))
	rawValue("sigtimedwait", syscall.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&ts)), 8)
	say("siginfo", "signal %d code %d", *(*int32)(unsafe.Pointer(&info[0])), *(*int32)(unsafe.Pointer(&info[8])))
	say("back", "%s", errno(procmask(2, &old, nil)))
	raw("bad how", syscall.SYS_RT_SIGPROCMASK, 9, uintptr(unsafe.Pointer(&set)), 0, 8)
	raw("bad size", syscall.SYS_RT_SIGPROCMASK, 0, uintptr(unsafe.Pointer(&set)), 0, 16)
	raw("bad pointer", syscall.SYS_RT_SIGPROCMASK, 0, wild, 0, 8)

	var act [4]uint64
	raw("sigaction of SIGKILL", syscall.SYS_RT_SIGACTION, 9, uintptr(unsafe.Pointer(&act)), 0, 8)
	raw("read SIGKILL's", syscall.SYS_RT_SIGACTION, 9, 0, uintptr(unsafe.Pointer(&act)), 8)
	say("is the default", "%v", act == [4]uint64{})
	raw("read SIGSEGV's", syscall.SYS_RT_SIGACTION, 11, 0, uintptr(unsafe.Pointer(&act)), 8)
	say("flags", "handler %v %#x mask %#x", act[0] > 1, act[1], act[3])
	raw("sigaction of 65", syscall.SYS_RT_SIGACTION, 65, 0, uintptr(unsafe.Pointer(&act)), 8)
	raw("sigaction of 0", syscall.SYS_RT_SIGACTION, 0, 0, uintptr(unsafe.Pointer(&act)), 8)
	raw("bad size", syscall.SYS_RT_SIGACTION, 10, 0, uintptr(unsafe.Pointer(&act)), 4)
	raw("bad pointer", syscall.SYS_RT_SIGACTION, 10, wild, 0, 8)

	type stack struct {
		sp    uintptr
		flags int32
		size  uintptr
	}
	var st stack
	raw("sigaltstack", syscall.SYS_SIGALTSTACK, 0, uintptr(unsafe.Pointer(&st)))
	say("Go has one", "flags %d size %d", st.flags, st.size)
	small := stack{sp: st.sp, size: 100}
	raw("sigaltstack too small", syscall.SYS_SIGALTSTACK, uintptr(unsafe.Pointer(&small)), 0)
	bad := stack{sp: st.sp, size: 65536, flags: 77}
	raw("sigaltstack bad flags", syscall.SYS_SIGALTSTACK, uintptr(unsafe.Pointer(&bad)), 0)
	raw("sigaltstack bad pointer", syscall.SYS_SIGALTSTACK, wild, 0)
	off := stack{flags: 2}
	raw("sigaltstack off", syscall.SYS_SIGALTSTACK, uintptr(unsafe.Pointer(&off)), 0)
	raw("sigaltstack back", syscall.SYS_SIGALTSTACK, uintptr(unsafe.Pointer(&st)), 0)

	// A blocking call on this thread is interrupted, by errno or restart as its handler says.
	r, w := pipe(0)
	go func() {
		time.Sleep(30 * time.Millisecond)
		call(syscall.SYS_TGKILL, self, tid, uintptr(syscall.SIGUSR2))
		time.Sleep(30 * time.Millisecond)
		syscall.Write(w, []byte("x"))
	}()
	_, err := syscall.Read(r, make([]byte, 1))
	result("read restarts (SA_RESTART)", err)
	expect("and the signal came", c)
	go func() {
		time.Sleep(30 * time.Millisecond)
		call(syscall.SYS_TGKILL, self, tid, uintptr(syscall.SIGUSR2))
	}()
	long := syscall.Timespec{Sec: 10}
	var rem syscall.Timespec
	raw("nanosleep is interrupted", syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&long)), uintptr(unsafe.Pointer(&rem)))
	say("the rest is told", "%v", rem.Sec == 9)
	expect("and the signal came", c)
	go func() {
		time.Sleep(30 * time.Millisecond)
		call(syscall.SYS_TGKILL, self, tid, uintptr(syscall.SIGUSR2))
	}()
	ep, _ := syscall.EpollCreate1(0)
	var ev [1]syscall.EpollEvent
	raw("epoll_wait is interrupted", syscall.SYS_EPOLL_WAIT, uintptr(ep), uintptr(unsafe.Pointer(&ev)), 1, 10_000)
	expect("and the signal came", c)
}

func signalTimers() {
	c := make(chan os.Signal, 100)
	signal.Notify(c, syscall.SIGALRM)
	type itimer struct{ interval, value syscall.Timeval }
	it := itimer{value: syscall.Timeval{Usec: 20_000}}
	start := time.Now()
	raw("setitimer", syscall.SYS_SETITIMER, 0, uintptr(unsafe.Pointer(&it)), 0)
	expect("alarm", c)
	say("not early", "%v", time.Since(start) >= 20*time.Millisecond)
	it = itimer{syscall.Timeval{Usec: 10_000}, syscall.Timeval{Usec: 10_000}}
	raw("setitimer again and again", syscall.SYS_SETITIMER, 0, uintptr(unsafe.Pointer(&it)), 0)
	for i := 0; i < 3; i++ {
		expect("alarm", c)
	}
	var old itimer
	it = itimer{}
	raw("off", syscall.SYS_SETITIMER, 0, uintptr(unsafe.Pointer(&it)), uintptr(unsafe.Pointer(&old)))
	say("interval was", "%d", old.interval.Usec)
	raw("getitimer", syscall.SYS_GETITIMER, 0, uintptr(unsafe.Pointer(&old)))
	say("is off", "%v", old.value == syscall.Timeval{})
	raw("setitimer bad which", syscall.SYS_SETITIMER, 9, uintptr(unsafe.Pointer(&it)), 0)
	raw("setitimer bad pointer", syscall.SYS_SETITIMER, 0, wild, 0)
	it.value.Usec = 2_000_000
	raw("setitimer bad time", syscall.SYS_SETITIMER, 0, uintptr(unsafe.Pointer(&it)), 0)
	rawValue("alarm", syscall.SYS_ALARM, 100)
	v, _ := call(syscall.SYS_ALARM, 0)
	say("alarm off", "%v", v >= 99 && v <= 100)
	var id int32
	raw("timer_create bad clock", syscall.SYS_TIMER_CREATE, 99, 0, uintptr(unsafe.Pointer(&id)))
	raw("timer_create", syscall.SYS_TIMER_CREATE, 1, 0, uintptr(unsafe.Pointer(&id)))
	for len(c) > 0 {
		<-c
	}
	spec := [4]int64{0, 0, 0, 15_000_000}
	raw("timer_settime", syscall.SYS_TIMER_SETTIME, uintptr(id), 0, uintptr(unsafe.Pointer(&spec)), 0)
	expect("SIGALRM is the default", c)
	raw("timer_delete", syscall.SYS_TIMER_DELETE, uintptr(id))
	raw("timer_delete again", syscall.SYS_TIMER_DELETE, uintptr(id))
	raw("timer_settime of none", syscall.SYS_TIMER_SETTIME, 12345, 0, uintptr(unsafe.Pointer(&spec)), 0)
}

func futex() {
	const wait, wake, requeue, cmpRequeue, waitBitset, wakeBitset, private = 0, 1, 3, 4, 9, 10, 128
	var word uint32
	a := uintptr(unsafe.Pointer(&word))
	ts := syscall.Timespec{Nsec: 10_000_000}
	t := uintptr(unsafe.Pointer(&ts))
	raw("wait for another value", syscall.SYS_FUTEX, a, wait|private, 1, t)
	start := time.Now()
	raw("wait with a timeout", syscall.SYS_FUTEX, a, wait|private, 0, t)
	say("not early", "%v", time.Since(start) >= 10*time.Millisecond)
	rawValue("wake nobody", syscall.SYS_FUTEX, a, wake|private, 10)
	ts.Nsec = 2_000_000_000
	raw("bad time", syscall.SYS_FUTEX, a, wait|private, 0, t)
	ts = syscall.Timespec{Sec: -1}
	raw("negative time", syscall.SYS_FUTEX, a, wait|private, 0, t)
	raw("not aligned", syscall.SYS_FUTEX, a+1, wait|private, 0, 0)
	raw("bad pointer", syscall.SYS_FUTEX, wild, wait|private, 0, 0)
	raw("bad time pointer", syscall.SYS_FUTEX, a, wait|private, 0, wild)
	raw("bad op", syscall.SYS_FUTEX, a, 99, 0, 0)
	raw("bitset of 0", syscall.SYS_FUTEX, a, wakeBitset|private, 1, 0, 0, 0)

	// Three waiters, woken one, then two; waits shared and private.
	for _, mode := range []uintptr{private, 0} {
		var woken int32
		for i := 0; i < 3; i++ {
			go func() {
				runtime.LockOSThread()
				for {
					_, e := call(syscall.SYS_FUTEX, a, wait|mode, 0, 0)
					if e == syscall.EINTR {
						continue
					}
					atomic.AddInt32(&woken, 1)
					return
				}
			}()
		}
		settle := func(want int32) {
			for i := 0; i < 500 && atomic.LoadInt32(&woken) < want; i++ {
				time.Sleep(time.Millisecond)
			}
		}
		total := uintptr(0)
		for i := 0; i < 2000 && total < 1; i++ {
			n, _ := call(syscall.SYS_FUTEX, a, wake|mode, 1)
			total += n
			time.Sleep(time.Millisecond)
		}
		settle(1)
		say("one woken", "%d", atomic.LoadInt32(&woken))
		for i := 0; i < 2000 && total < 3; i++ {
			n, _ := call(syscall.SYS_FUTEX, a, wake|mode, 100)
			total += n
			time.Sleep(time.Millisecond)
		}
		settle(3)
		say("all woken", "%d", atomic.LoadInt32(&woken))
	}
	abs := syscall.Timespec{}
	raw("clock_gettime", syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&abs)))
	abs.Nsec += 10_000_000
	if abs.Nsec >= 1_000_000_000 {
		abs.Nsec -= 1_000_000_000
		abs.Sec++
	}
	raw("wait until a moment", syscall.SYS_FUTEX, a, waitBitset|private, 0, uintptr(unsafe.Pointer(&abs)), 0, 0xffffffff)
	var second uint32
	rawValue("requeue nobody", syscall.SYS_FUTEX, a, cmpRequeue|private, 1, 1, uintptr(unsafe.Pointer(&second)), 0)
	rawValue("requeue, changed", syscall.SYS_FUTEX, a, cmpRequeue|private, 1, 1, uintptr(unsafe.Pointer(&second)), 5)
}

func threads() {
	// OS threads with their own identity, vector state and errno; all ending.
	ids := map[int]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var hold sync.WaitGroup
	hold.Add(20)
	for i := 0; i < 20; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			mu.Lock()
			ids[syscall.Gettid()] = true
			mu.Unlock()
			hold.Done()
			hold.Wait()
		}()
	}
	wg.Wait()
	say("threads", "%d", len(ids))
	say("the first is the process", "%v", !ids[0])
	for round := 0; round < 200; round++ {
		done := make(chan bool)
		go func() {
			runtime.LockOSThread()
			done <- true
		}()
		<-done
	}
	say("two hundred more", "came and went")

	var mask [16]uint64
	v, e := call(syscall.SYS_SCHED_GETAFFINITY, 0, uintptr(len(mask)*8), uintptr(unsafe.Pointer(&mask)))
	say("affinity", "bytes %v %s, a CPU %v", v > 0 && v%8 == 0, errno(e), mask[0] != 0)
	raw("affinity in 1 byte", syscall.SYS_SCHED_GETAFFINITY, 0, 1, uintptr(unsafe.Pointer(&mask)))
	raw("affinity of nobody", syscall.SYS_SCHED_GETAFFINITY, 1<<22+5, 128, uintptr(unsafe.Pointer(&mask)))
	raw("affinity bad pointer", syscall.SYS_SCHED_GETAFFINITY, 0, 128, wild)
	raw("yield", syscall.SYS_SCHED_YIELD)
	raw("set affinity to the same", syscall.SYS_SCHED_SETAFFINITY, 0, 128, uintptr(unsafe.Pointer(&mask)))
	var none [16]uint64
	raw("set affinity to none", syscall.SYS_SCHED_SETAFFINITY, 0, 128, uintptr(unsafe.Pointer(&none)))

	// Vector registers over preemption: the same sums computed beside each other.
	sum := func() float64 {
		s := 0.0
		for i := 1; i < 2_000_000; i++ {
			s += 1 / float64(i) / float64(i)
		}
		return s
	}
	want := sum()
	bad := int32(0)
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if sum() != want {
				atomic.AddInt32(&bad, 1)
			}
		}()
	}
	wg.Wait()
	fmt.Printf("sums: %.12f, wrong: %d\n", want, bad)
}
