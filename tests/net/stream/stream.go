// Package stream is what both ends of the network tests send and expect.
package stream

import (
	"io"
	"time"
)

// New is n bytes that depend on their position alone: a 64-bit word counter, mixed.
func New(n int64) io.Reader { return &stream{n: n} }

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

// Watch passes a stream on and remembers the longest time in which nothing came.
type Watch struct {
	io.Reader
	Longest time.Duration
	last    time.Time
}

func (w *Watch) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	now := time.Now()
	if !w.last.IsZero() && now.Sub(w.last) > w.Longest {
		w.Longest = now.Sub(w.last)
	}
	w.last = now
	return n, err
}
