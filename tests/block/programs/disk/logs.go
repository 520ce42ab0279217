package main

import (
	"fmt"
	"os"
	"sync"

	"unigornel/tests/block/logs"
)

// writeLogs appends to all logs at once, and says so of each record once it is synced.
func writeLogs(dev string, seed int, nosync bool) {
	f := open(dev, os.O_RDWR)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for g := 0; g < logs.Count; g++ {
		g := g
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; (n+1)*logs.RecordSize <= logs.Bytes; n++ {
				_, err := f.WriteAt(logs.Record(seed, g, n), int64(logs.At(g, n)))
				must(err)
				if !nosync {
					must(f.Sync())
				}
				mu.Lock()
				fmt.Printf("%d %d\n", n, g)
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	fmt.Println("full")
}
