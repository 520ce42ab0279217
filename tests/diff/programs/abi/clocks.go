package main

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	areas["clock-ids"] = clockIDs
	areas["posix-timers"] = posixTimers
	areas["time-now"] = timeNow
}

// timeNow compares Go's clocks, which ask no kernel, with the kernel's answers before and after.
func timeNow() {
	clock := func(id uintptr) int64 {
		var ts syscall.Timespec
		syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&ts)), 0)
		return ts.Nano()
	}
	const realtime, monotonic = 0, 1
	inOrder := func(what string, before, now, after int64) bool {
		if before > now || now > after {
			fmt.Printf("%s: %d %d %d\n", what, before, now, after)
			return false
		}
		return true
	}
	firstLow := clock(monotonic)
	first := time.Now()
	firstHigh := clock(monotonic)
	good := 0
	for i := 0; i < 20000; i++ {
		before := clock(realtime)
		now := time.Now().UnixNano()
		after := clock(realtime)
		low := clock(monotonic)
		since := int64(time.Since(first))
		high := clock(monotonic)
		if inOrder("wall clock", before, now, after) && inOrder("monotonic clock", low-firstHigh, since, high-firstLow) {
			good++
		}
	}
	fmt.Println("readings in order:", good)
}

// clockIDs asks every clock call about every kind of clock. What would set or slew a clock is asked
// with times that are refused.
func clockIDs() {
	const process, thread = -6, -2 // of the caller, as clock_getcpuclockid(3) encodes them
	for _, id := range []int{-100, process, -5, thread, -1, 0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 16, 1 << 30} {
		ask := func(what string, nr uintptr, args ...uintptr) {
			raw(fmt.Sprintf("%s %d", what, id), nr, append([]uintptr{uintptr(id)}, args...)...)
		}
		var ts [2]int64
		at := uintptr(unsafe.Pointer(&ts))
		ask("clock_gettime", syscall.SYS_CLOCK_GETTIME, at)
		ask("clock_gettime bad pointer", syscall.SYS_CLOCK_GETTIME, wild)
		ask("clock_getres", syscall.SYS_CLOCK_GETRES, at)
		ask("clock_getres without a result", syscall.SYS_CLOCK_GETRES, 0)
		ts = [2]int64{-1, 0}
		ask("clock_settime negative", syscall.SYS_CLOCK_SETTIME, at)
		ts = [2]int64{1, 1_000_000_000}
		ask("clock_settime too many nanoseconds", syscall.SYS_CLOCK_SETTIME, at)
		ask("clock_settime bad pointer", syscall.SYS_CLOCK_SETTIME, wild)
		ask("clock_nanosleep too many nanoseconds", syscall.SYS_CLOCK_NANOSLEEP, 0, at, 0)
		ask("clock_nanosleep bad pointer", syscall.SYS_CLOCK_NANOSLEEP, 0, wild, 0)
		if id >= 0 && id != 2 { // CPU time stands still while all sleep
			ts = [2]int64{0, 1}
			ask("clock_nanosleep", syscall.SYS_CLOCK_NANOSLEEP, 0, at, 0)
			ask("clock_nanosleep absolute", syscall.SYS_CLOCK_NANOSLEEP, 1, at, 0)
		}
		var timer int32
		if ok := ask2(fmt.Sprintf("timer_create %d", id), syscall.SYS_TIMER_CREATE, uintptr(id), 0,
			uintptr(unsafe.Pointer(&timer))); ok {
			raw("timer_delete", syscall.SYS_TIMER_DELETE, uintptr(timer))
		}
		var timex [26]int64
		if id != 0 { // whose answer depends on the host's NTP
			ask("clock_adjtime", 305, uintptr(unsafe.Pointer(&timex)))
		}
		ask("clock_adjtime bad pointer", 305, wild)
	}
	var ts [2]int64
	at := uintptr(unsafe.Pointer(&ts))
	raw("gettimeofday nothing", syscall.SYS_GETTIMEOFDAY, 0, 0)
	raw("gettimeofday bad pointer", syscall.SYS_GETTIMEOFDAY, wild, 0)
	raw("gettimeofday bad zone", syscall.SYS_GETTIMEOFDAY, 0, wild)
	ts = [2]int64{0, 1_000_000}
	raw("settimeofday too many microseconds", syscall.SYS_SETTIMEOFDAY, at, 0)
	ts = [2]int64{-1, 0}
	raw("settimeofday negative", syscall.SYS_SETTIMEOFDAY, at, 0)
	raw("settimeofday bad pointer", syscall.SYS_SETTIMEOFDAY, wild, 0)
	raw("time bad pointer", syscall.SYS_TIME, wild)
	raw("times bad pointer", syscall.SYS_TIMES, wild)
	raw("adjtimex bad pointer", syscall.SYS_ADJTIMEX, wild)
}

// ask2 is raw that also says whether the call worked.
func ask2(what string, nr uintptr, args ...uintptr) bool {
	_, e := call(nr, args...)
	result(what, e)
	return e == 0
}

type sigevent struct {
	value         int64
	signo, notify int32
	tid           int32
	_             [44]byte
}

func posixTimers() {
	self := int32(syscall.Gettid())
	for _, ev := range []sigevent{
		{signo: 10}, {signo: 0}, {signo: 64}, {signo: 65}, {signo: -1}, // SIGEV_SIGNAL
		{signo: 10, notify: 1}, {signo: 0, notify: 1}, // SIGEV_NONE
		{signo: 10, notify: 2}, {signo: 10, notify: 3}, // SIGEV_THREAD, none
		{signo: 10, notify: 4, tid: self}, {signo: 10, notify: 4}, {signo: 10, notify: 4, tid: 1 << 22}, // SIGEV_THREAD_ID
		{signo: 10, notify: 5}, {signo: 10, notify: 8},
	} {
		var id int32
		what := fmt.Sprintf("timer_create signal %d notify %d thread %v", ev.signo, ev.notify, ev.tid == self)
		if ask2(what, syscall.SYS_TIMER_CREATE, 1, uintptr(unsafe.Pointer(&ev)), uintptr(unsafe.Pointer(&id))) {
			raw("timer_delete", syscall.SYS_TIMER_DELETE, uintptr(id))
		}
	}
	var id int32
	raw("timer_create bad event", syscall.SYS_TIMER_CREATE, 1, wild, uintptr(unsafe.Pointer(&id)))
	raw("timer_create bad result", syscall.SYS_TIMER_CREATE, 1, 0, wild)
	for _, clock := range []uintptr{0, 1, 7} {
		timer(clock)
	}
	var ts [4]int64
	at := uintptr(unsafe.Pointer(&ts))
	for _, none := range []uintptr{12345, ^uintptr(0)} {
		raw("timer_settime of none", syscall.SYS_TIMER_SETTIME, none, 0, at, 0)
		raw("timer_gettime of none", syscall.SYS_TIMER_GETTIME, none, at)
		raw("timer_getoverrun of none", syscall.SYS_TIMER_GETOVERRUN, none)
		raw("timer_delete of none", syscall.SYS_TIMER_DELETE, none)
	}
}

// timer follows one timer without a signal: what it says of itself.
func timer(clock uintptr) {
	say("clock", "%d", clock)
	ev := sigevent{notify: 1}
	var id int32
	raw("timer_create", syscall.SYS_TIMER_CREATE, clock, uintptr(unsafe.Pointer(&ev)), uintptr(unsafe.Pointer(&id)))
	var now, old [4]int64 // interval, value
	set := func(what string, flags uintptr, interval, value time.Duration) {
		it := [4]int64{int64(interval / time.Second), int64(interval % time.Second), int64(value / time.Second), int64(value % time.Second)}
		raw(what, syscall.SYS_TIMER_SETTIME, uintptr(id), flags, uintptr(unsafe.Pointer(&it)), uintptr(unsafe.Pointer(&old)))
	}
	get := func(what string) {
		raw(what, syscall.SYS_TIMER_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&now)))
		say("interval, armed", "%d.%09d %v", now[0], now[1], now[2] != 0 || now[3] != 0)
	}
	get("new")
	set("once in an hour", 0, 0, time.Hour)
	get("armed")
	say("left", "%v", now[2] == 3599 || now[2] == 3600)
	set("every two seconds from the third on", 0, 2*time.Second, 3*time.Second)
	say("was", "%v", old[2] == 3599 && old[0] == 0)
	get("armed")
	set("off", 0, time.Second, 0)
	say("was", "%d.%09d", old[0], old[1])
	// Not asked again here: Linux goes on to count such a timer, which sends no signal, down.
	set("once, soon", 0, 0, time.Millisecond)
	time.Sleep(5 * time.Millisecond)
	get("over")
	set("absolute, long ago", 1, 0, 1)
	get("over")
	set("absolute, long ago, every hour", 1, time.Hour, 1)
	get("goes on")
	set("negative", 0, 0, -time.Second)
	raw("without a value", syscall.SYS_TIMER_SETTIME, uintptr(id), 0, 0, 0)
	raw("bad value", syscall.SYS_TIMER_SETTIME, uintptr(id), 0, wild, 0)
	raw("bad old value", syscall.SYS_TIMER_SETTIME, uintptr(id), 0, uintptr(unsafe.Pointer(&now)), wild)
	raw("bad result", syscall.SYS_TIMER_GETTIME, uintptr(id), wild)
	rawValue("overrun", syscall.SYS_TIMER_GETOVERRUN, uintptr(id))
	raw("timer_delete", syscall.SYS_TIMER_DELETE, uintptr(id))
}
