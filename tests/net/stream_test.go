package net_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"sync"

	"unigornel/tests/net/stream"
)

var (
	sums  = map[int64]string{}
	sumMu sync.Mutex
)

// sumOf is the sha256 of stream.New(n), in hexadecimal.
func sumOf(n int64) string {
	sumMu.Lock()
	defer sumMu.Unlock()
	if s, ok := sums[n]; ok {
		return s
	}
	h := sha256.New()
	io.CopyBuffer(h, struct{ io.Reader }{stream.New(n)}, make([]byte, 1<<20))
	sums[n] = fmt.Sprintf("%x", h.Sum(nil))
	return sums[n]
}
