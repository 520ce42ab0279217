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
	var mu sync.Mutex
	together(logs.Count, func(g int) {
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
	})
	fmt.Println("full")
}
