package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"syscall"
)

const (
	workers = 8
	region  = 256 << 10 // bytes of the disk that one worker has to itself
	rounds  = 150
)

// check uses the first workers*region bytes, and then some beyond them.
func check(dev string, seed int64) {
	f := open(dev, os.O_RDWR)
	if size := sizeOf(f); size < (workers+1)*region {
		fatal("%s is too small: %d bytes", dev, size)
	}
	together(workers, func(w int) { own(f, int64(w)*region, rand.New(rand.NewSource(seed+int64(w)))) })
	neighbours(f, workers*region)
	large(f, rand.New(rand.NewSource(seed)))
	ends(f)
	fmt.Println("ok")
}

// own writes and reads pieces of any size at any place of a region that is one worker's alone, though
// its first and last sector are changed by others at the same time as well: regions are shifted by
// a few bytes.
func own(f *os.File, base int64, r *rand.Rand) {
	base += 77
	model := make([]byte, region)
	if _, err := f.WriteAt(model, base); err != nil {
		fatal("writing %d zeroes at %d: %v", region, base, err)
	}
	for i := 0; i < rounds; i++ {
		at := r.Intn(region)
		n := r.Intn(min(region-at, 1<<(4+r.Intn(13)))) + 1
		switch r.Intn(8) {
		case 0:
			at = 0
		case 1:
			at = region - n
		case 2:
			at &^= 4095
			n = min(n, region-at)
		}
		if r.Intn(2) == 0 {
			r.Read(model[at : at+n])
			if m, err := f.WriteAt(model[at:at+n], base+int64(at)); m != n || err != nil {
				fatal("writing %d at %d: %d, %v", n, base+int64(at), m, err)
			}
			continue
		}
		got := make([]byte, n)
		if m, err := f.ReadAt(got, base+int64(at)); m != n || err != nil {
			fatal("reading %d at %d: %d, %v", n, base+int64(at), m, err)
		}
		compare(got, model[at:at+n], base+int64(at))
	}
	got := make([]byte, region)
	if _, err := f.ReadAt(got, base); err != nil {
		fatal("reading a region: %v", err)
	}
	compare(got, model, base)
	if err := f.Sync(); err != nil {
		fatal("sync: %v", err)
	}
}

func compare(got, want []byte, at int64) {
	if bytes.Equal(got, want) {
		return
	}
	for i := range got {
		if got[i] != want[i] {
			fatal("byte %d is %#x, not %#x", at+int64(i), got[i], want[i])
		}
	}
}

// neighbours: every byte of a few sectors is somebody else's than the one beside it, and all write
// at once. A sector that is read, changed and written back behind another's back loses one.
func neighbours(f *os.File, base int64) {
	const n = 1024
	for round := byte(1); round <= 3; round++ {
		together(workers, func(w int) {
			for at := w; at < n; at += workers {
				if _, err := f.WriteAt([]byte{byte(at) ^ round}, base+int64(at)); err != nil {
					fatal("writing one byte: %v", err)
				}
			}
		})
		got := make([]byte, n)
		if _, err := f.ReadAt(got, base); err != nil {
			fatal("reading: %v", err)
		}
		for at := range got {
			if got[at] != byte(at)^round {
				fatal("byte %d of %d workers' sectors was lost", at, workers)
			}
		}
	}
}

// large transfers, longer than any single request, at odd places.
func large(f *os.File, r *rand.Rand) {
	size := sizeOf(f)
	n := int(min(3<<20, size-1000))
	data, got := make([]byte, n), make([]byte, n)
	r.Read(data)
	if m, err := f.WriteAt(data, 333); m != n || err != nil {
		fatal("writing %d: %d, %v", n, m, err)
	}
	if m, err := f.ReadAt(got, 333); m != n || err != nil {
		fatal("reading %d: %d, %v", n, m, err)
	}
	compare(got, data, 333)
}

// ends: the last bytes of the disk, and what comes behind them.
func ends(f *os.File) {
	size := sizeOf(f)
	tail := []byte("the end of the disk")
	if _, err := f.WriteAt(tail, size-int64(len(tail))); err != nil {
		fatal("writing the last bytes: %v", err)
	}
	got := make([]byte, 100)
	m, err := f.ReadAt(got, size-int64(len(tail)))
	if m != len(tail) || err == nil || !bytes.Equal(got[:m], tail) {
		fatal("reading the last bytes: %d, %v", m, err)
	}
	if m, err = syscall.Pwrite(int(f.Fd()), got, size-50); m != 50 || err != nil {
		fatal("writing over the end: %d, %v", m, err)
	}
}

// bursts: no request comes after the last one of a round that could hide what became of it.
func bursts(dev string, n int64) {
	f := open(dev, os.O_RDWR)
	for round := 0; round < int(n); round++ {
		together(2+round%7, func(i int) {
			_, err := f.WriteAt(make([]byte, 512<<(i%4)), int64(i)*65536)
			must(err)
		})
	}
	fmt.Println("ok")
}
