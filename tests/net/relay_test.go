package net_test

import (
	"testing"
	"time"
)

// The transfers over paths that real networks have. The pauses allowed are a few retransmission timeouts.
func TestBadPaths(t *testing.T) {
	for _, path := range []struct {
		name  string
		flags []string
		n     int64
		stall time.Duration
	}{
		{"clean", nil, 32, 2 * time.Second},
		{"loss1", []string{"-loss", "0.01"}, 32, 3 * time.Second},
		{"loss5", []string{"-loss", "0.05"}, 8, 5 * time.Second},
		{"reorder", []string{"-reorder", "0.1"}, 32, 2 * time.Second},
		{"duplicate", []string{"-duplicate", "0.1"}, 32, 2 * time.Second},
		{"corrupt", []string{"-corrupt", "0.01"}, 16, 5 * time.Second},
		{"delay", []string{"-delay", "25ms"}, 32, 2 * time.Second},
		{"all", []string{"-delay", "25ms", "-loss", "0.01", "-reorder", "0.02", "-duplicate", "0.01", "-corrupt", "0.002"}, 4, 5 * time.Second},
	} {
		path := path
		t.Run(path.name, func(t *testing.T) {
			relayed(t, path.flags...)
			boot(t)
			n := path.n * pick[int64](1, 8) * mib
			both(t, func(t *testing.T, guest, host string) {
				download(t, guest, n, path.stall)
				upload(t, guest, n, path.stall)
			})
		})
	}
}
