// Package measure is what the measuring programs share: samples and what is made of them, the host's clocks, programs,
// kernels and initial RAM disks.
package measure

import "time"

// rdtsc reads the time stamp counter, which QEMU's emulation hands to guests unchanged.
func rdtsc() uint64

// TSCKHz measures the counter's frequency. Linux on microvm has no timer to calibrate it against
// that a busy host leaves alone, so it is told (tsc_early_khz=).
func TSCKHz() uint64 {
	start, t0 := time.Now(), rdtsc()
	time.Sleep(300 * time.Millisecond)
	ticks := rdtsc() - t0
	return ticks * 1000 / uint64(time.Since(start).Microseconds())
}
