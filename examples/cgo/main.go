// cgo calls C from Go and Go from C: the C library sorts an array and asks Go which element
// comes first, and a thread made by C calls back into Go.
package main

/*
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int goCompare(void *, void *);
extern void goHello(int);

static int compare(const void *a, const void *b)
{
	return goCompare((void *)a, (void *)b);
}

static void sort_with_go(int32_t *v, size_t n)
{
	qsort(v, n, sizeof *v, compare);
}

static char *greet(const char *name, double number)
{
	char *s = malloc(strlen(name) + 64);
	if (s)
		sprintf(s, "Hello %s, C says %.3f", name, number);
	return s;
}

static void *thread(void *arg)
{
	goHello((int)(intptr_t)arg);
	return arg;
}

static int run_thread(int n)
{
	pthread_t t;
	void *result = NULL;
	if (pthread_create(&t, NULL, thread, (void *)(intptr_t)n) || pthread_join(t, &result))
		return -1;
	return (int)(intptr_t)result;
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

var compared int

//export goCompare
func goCompare(a, b unsafe.Pointer) C.int {
	compared++
	x, y := *(*int32)(a), *(*int32)(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

//export goHello
func goHello(n C.int) {
	fmt.Println("Go called from a thread that C made, number", int(n))
}

func main() {
	name := C.CString("gopher")
	greeting := C.greet(name, 355.0/113)
	fmt.Println(C.GoString(greeting))
	C.free(unsafe.Pointer(greeting))
	C.free(unsafe.Pointer(name))

	v := []int32{42, -7, 1 << 20, 3, 0, -100, 17}
	C.sort_with_go((*C.int32_t)(unsafe.Pointer(&v[0])), C.size_t(len(v)))
	fmt.Println("sorted by C, compared by Go:", v)
	if compared == 0 {
		panic("qsort never called Go")
	}

	for i := 1; i <= 3; i++ {
		if got := C.run_thread(C.int(i)); int(got) != i {
			panic(fmt.Sprintf("thread %d returned %d", i, int(got)))
		}
	}
	fmt.Println("done")
}
