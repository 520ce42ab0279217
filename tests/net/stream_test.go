package net_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"sync"
	"time"
)

// stream is what programs/peer sends and expects: n bytes that depend on their position alone.
type stream struct{ at, n int64 }

func (s *stream) Read(b []byte) (int, error) {
	if s.at >= s.n {
		return 0, io.EOF
	}
	if int64(len(b)) > s.n-s.at {
		b = b[:s.n-s.at]
	}
	for i := range b {
		p := s.at + int64(i)
		w := uint64(p>>3) * 0x9e3779b97f4a7c15
		w ^= w >> 29
		b[i] = byte(w >> (8 * uint(p&7)))
	}
	s.at += int64(len(b))
	return len(b), nil
}

var (
	sums  = map[int64]string{}
	sumMu sync.Mutex
)

// sumOf is the sha256 of stream{n: n}, in hexadecimal.
func sumOf(n int64) string {
	sumMu.Lock()
	defer sumMu.Unlock()
	if s, ok := sums[n]; ok {
		return s
	}
	h := sha256.New()
	io.CopyBuffer(h, struct{ io.Reader }{&stream{n: n}}, make([]byte, 1<<20))
	sums[n] = fmt.Sprintf("%x", h.Sum(nil))
	return sums[n]
}

// watch passes a stream on and remembers the longest time in which nothing came.
type watch struct {
	io.Reader
	last    time.Time
	longest time.Duration
}

func (w *watch) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	now := time.Now()
	if !w.last.IsZero() && now.Sub(w.last) > w.longest {
		w.longest = now.Sub(w.last)
	}
	w.last = now
	return n, err
}
