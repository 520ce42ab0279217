// sleep waits in every way the time package offers, and checks that the two clocks agree
// on how long it took. The output is the same on every machine, so it can be compared.
package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// epoch is a moment that has certainly passed when this program runs.
var epoch = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// atLeast reports whether took is no shorter than want. Late is allowed, early is not.
func atLeast(what string, took, want time.Duration) bool {
	if took < want {
		fmt.Printf("%s: only %v instead of %v\n", what, took, want)
		return false
	}
	fmt.Printf("%s: at least %v\n", what, want)
	return true
}

func main() {
	ok := true
	if time.Now().Before(epoch) {
		fmt.Println("the wall clock is wrong:", time.Now())
		ok = false
	} else {
		fmt.Println("the wall clock is set")
	}

	for _, d := range []time.Duration{time.Microsecond, time.Millisecond, 100 * time.Millisecond} {
		start := time.Now()
		time.Sleep(d)
		ok = atLeast("sleep", time.Since(start), d) && ok
	}

	start := time.Now()
	ticker := time.NewTicker(50 * time.Millisecond)
	for i := 1; i <= 3; i++ {
		<-ticker.C
		fmt.Println("tick", i)
	}
	ticker.Stop()
	ok = atLeast("three ticks", time.Since(start), 150*time.Millisecond) && ok

	start = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 80*time.Millisecond)
	<-ctx.Done()
	cancel()
	ok = atLeast(ctx.Err().Error(), time.Since(start), 80*time.Millisecond) && ok

	// The monotonic clock and the wall clock, over a second: Round(0) strips the former.
	start = time.Now()
	time.Sleep(time.Second)
	end := time.Now()
	wall, mono := end.Round(0).Sub(start.Round(0)), end.Sub(start)
	if diff := wall - mono; diff < -100*time.Millisecond || diff > 100*time.Millisecond {
		fmt.Printf("the clocks disagree: wall %v, monotonic %v\n", wall, mono)
		ok = false
	} else {
		fmt.Println("the wall clock and the monotonic clock agree")
	}
	if !ok {
		os.Exit(1)
	}
}
