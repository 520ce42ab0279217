// cgo puts C and Go on each other's stacks: callbacks in depth, errno, thread-local storage, C
// threads, floating point and long jumps, beside a collector at work.
package main

/*
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#cgo LDFLAGS: -lm

extern int goBounce(int);
extern void goVisit(int, int);

static int bounce(int n) { return n > 0 ? goBounce(n - 1) + 1 : 0; }

static int fail(int e) { errno = e; return -1; }

static _Thread_local int mine = 100;
static int next(void) { return ++mine; }

static void *worker(void *arg)
{
	int id = (int)(intptr_t)arg;
	for (int i = 0; i < 5; i++) {
		next();
		goVisit(id, mine);
	}
	return arg;
}

static int workers(int n)
{
	pthread_t t[16];
	int sum = 0;
	for (int i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, worker, (void *)(intptr_t)i))
			return -1;
	for (int i = 0; i < n; i++) {
		void *r;
		pthread_join(t[i], &r);
		sum += (int)(intptr_t)r;
	}
	return sum;
}

static jmp_buf out;
static void deep(int n) { if (n == 0) longjmp(out, 42); deep(n - 1); }
static int jump(void)
{
	volatile int v = setjmp(out);
	if (!v)
		deep(50);
	return v;
}

static double series(int n)
{
	double s = 0;
	for (int i = 1; i <= n; i++)
		s += sin(i) * pow(0.99, i);
	return s;
}

static long churn(void)
{
	long total = 0;
	for (int i = 1; i < 2000; i++) {
		char *p = malloc((size_t)i * 37);
		memset(p, i, (size_t)i * 37);
		p = realloc(p, (size_t)i * 53);
		total += p[i];
		free(p);
	}
	return total;
}

static int table(char *buf, size_t n)
{
	return snprintf(buf, n, "%5d|%-6s|%08.3f|%x|%lld|%c", -42, "left", 3.14159, 0xbeef, 1LL << 40, 'c');
}

static int monotonic(void)
{
	struct timespec a, b, d = {0, 2000000};
	clock_gettime(CLOCK_MONOTONIC, &a);
	nanosleep(&d, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 2000000;
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"
)

//export goBounce
func goBounce(n C.int) C.int {
	if n%10 == 0 {
		runtime.GC()
	}
	return C.bounce(n)
}

var (
	visits  = map[int][]int{}
	visitMu sync.Mutex
)

//export goVisit
func goVisit(id, v C.int) {
	visitMu.Lock()
	defer visitMu.Unlock()
	visits[int(id)] = append(visits[int(id)], int(v))
}

func main() {
	fmt.Println("bounce", C.bounce(60))
	_, err := C.fail(C.ENOSPC)
	fmt.Println("errno", err)
	fmt.Println("sum of threads", C.workers(8))
	for i := 0; i < 8; i++ {
		fmt.Println("thread", i, visits[i])
	}
	fmt.Println("jump", C.jump())
	fmt.Printf("series %.10f\n", float64(C.series(1000)))
	fmt.Println("churn", C.churn())
	buf := (*C.char)(C.malloc(200))
	n := C.table(buf, 200)
	fmt.Println("table", n, C.GoString(buf))
	C.free(unsafe.Pointer(buf))
	fmt.Println("clock", C.monotonic())

	var wg sync.WaitGroup
	results := make([]float64, 8)
	for i := range results {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			results[i] = float64(C.series(C.int(2000)))
			runtime.GC()
			C.churn()
		}(i)
	}
	wg.Wait()
	for _, r := range results {
		if r != results[0] {
			fmt.Println("different:", results)
		}
	}
	var p *int
	func() {
		defer func() { fmt.Println("recovered", recover()) }()
		*p = 1
	}()
	os.Stdout.Sync()
	os.Exit(5)
}
