// Rounding holds the floating-point control words, which a function call preserves, against switches between
// threads: two threads round up and down, two compute with long double as if alone.
package main

/*
#cgo LDFLAGS: -lm
#include <fenv.h>
static int set(int m) { return fesetround(m); }
static int get(void) { return fegetround(); }
static int up(void) { return FE_UPWARD; }
static int down(void) { return FE_DOWNWARD; }
static int nearest(void) { return FE_TONEAREST; }
static double sum(int n)
{
	volatile long double third; // through memory, as wide as it is
	long double x = 0;
	for (int i = 1; i < n; i++) {
		third = 1.0L / i;
		x += third;
	}
	return (double)x;
}
*/
import "C"
import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	var wg sync.WaitGroup
	want := C.sum(1000)
	var bad int32
	for k := 0; k < 4; k++ {
		k := k
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread()
			m := C.up()
			if k%2 == 0 {
				m = C.down()
			}
			if k >= 2 {
				m = C.nearest() // said too: a new thread has what the one that made it had
			}
			C.set(m)
			for i := 0; i < 300; i++ {
				if k >= 2 {
					if v := C.sum(1000); v != want {
						atomic.AddInt32(&bad, 1)
					}
					C.sum(100000)
				} else if C.get() != m {
					atomic.AddInt32(&bad, 1)
				}
				time.Sleep(100 * time.Microsecond)
				if k < 2 {
					C.sum(100000)
				}
			}
		}()
	}
	wg.Wait()
	fmt.Println("bad", bad)
}
