package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"sync"
)

// Logs for the power cut: each of logCount goroutines appends records to a part of the disk of its
// own, and says so once a record is synced. Records are no multiple of a sector, so that the end of
// one and the start of the next share one. The reader is powercut_test.go's.
const (
	logCount   = 4
	logBytes   = 1 << 20
	recordSize = 700
)

// record is number n of log g, or what a reader must find there. No two seeds have one alike.
func record(seed, g, n int) []byte {
	b := make([]byte, recordSize)
	binary.LittleEndian.PutUint32(b, uint32(g))
	binary.LittleEndian.PutUint32(b[4:], uint32(n))
	binary.LittleEndian.PutUint32(b[8:], uint32(seed))
	for i := 12; i < recordSize-4; i++ {
		b[i] = byte(i*7 + n*13 + g + seed*31)
	}
	binary.LittleEndian.PutUint32(b[recordSize-4:], crc32.ChecksumIEEE(b[:recordSize-4]))
	return b
}

func writeLogs(dev string, seed int, nosync bool) {
	f := open(dev, os.O_RDWR)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for g := 0; g < logCount; g++ {
		g := g
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; (n+1)*recordSize <= logBytes; n++ {
				_, err := f.WriteAt(record(seed, g, n), int64(g*logBytes+n*recordSize))
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
