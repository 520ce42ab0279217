package main

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"unigornel/bench/measure"
)

// Bars on ratios to the Debian guest.
var ratioBars = []struct {
	figure string
	most   float64
	what   string
}{
	{"first-line-ms", 0.07, "QEMU's start to the first line"},
	{"syscall-raw", 0.05, "a raw system call"},
	{"time.Now", 0.6, "time.Now"},
	{"thread-pingpong", 0.4, "ping-pong of OS threads"},
	{"touch-256M", 0.25, "first touch of 256 MiB, a page"},
	{"munmap-256M", 0.05, "munmap, a page"},
	{"channel-procs1", 1, "ping-pong over channels"},
	{"goroutine-spawn", 1, "starting a goroutine"},
	{"binary-trees", 1, "binary trees, a node"},
	{"alloc-64", 1, "allocating 64 bytes"},
	{"gc-forced", 1, "a forced collection"},
}

// sizes in bytes.
type sizes struct {
	kernel        uint64 // the kernel's code and read-only data
	image, native uint64 // what is loaded of the image, and of the same program as an executable
}

func measureSizes(work string) sizes {
	image := filepath.Join(work, "hello")
	var s sizes
	var err error
	if s.kernel, err = kernelSize(image); err != nil {
		fatal(err)
	}
	if s.image, err = loadedSize(image); err != nil {
		fatal(err)
	}
	if s.native, err = loadedSize(image + ".native"); err != nil {
		fatal(err)
	}
	return s
}

// kernelSize adds up what the linker script marks as the kernel's (kernel/image.ld).
func kernelSize(image string) (uint64, error) {
	f, err := elf.Open(image)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return 0, err
	}
	at := map[string]uint64{}
	for _, s := range symbols {
		at[s.Name] = s.Value
	}
	for _, n := range []string{"__kernel_text_start", "__kernel_text_end", "__kernel_rodata_start", "__kernel_rodata_end"} {
		if at[n] == 0 {
			return 0, fmt.Errorf("%s has no symbol %s", image, n)
		}
	}
	return at["__kernel_text_end"] - at["__kernel_text_start"] + at["__kernel_rodata_end"] - at["__kernel_rodata_start"], nil
}

// loadedSize is what a loader reads of the file: debugging information is no part of it.
func loadedSize(file string) (uint64, error) {
	f, err := elf.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var n uint64
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			n += p.Filesz
		}
	}
	return n, nil
}

// judge prints every bar with PASS or FAIL and ends the program with 1 if one fails.
func judge(f *measure.Figures, heap float64, s sizes, quick bool) {
	failed := 0
	say := func(ok bool, format string, args ...any) {
		word := "PASS"
		if !ok {
			word = "FAIL"
			failed++
		}
		fmt.Printf("%s  %s\n", word, fmt.Sprintf(format, args...))
	}
	fmt.Println("\nBars (ratios to the Debian guest, one CPU, microvm)")
	for _, b := range ratioBars {
		r, ok := f.Ratio(b.figure)
		if !ok {
			fmt.Printf("----  %s: no Debian guest to compare with\n", b.what)
			continue
		}
		say(r <= b.most, "%s: %.3f, at most %.2f", b.what, r, b.most)
	}
	if !quick {
		hello, _ := f.Median("hello-MiB", "unigornel")
		say(hello <= 8, "hello runs in %.0f MiB, at most 8", hello)
		bench, _ := f.Median("bench-MiB", "unigornel")
		say(bench <= heap+8, "bench runs in %.0f MiB, at most its heap of %.0f and 8", bench, heap)
	}
	const kib = 1024.0
	say(s.kernel < 400*1024, "the kernel's code and constants: %.0f KiB, under 400", float64(s.kernel)/kib)
	say(s.image <= s.native+600*1024, "the image of hello: %.0f KiB, at most its executable's %.0f and 600", float64(s.image)/kib, float64(s.native)/kib)
	fmt.Printf("%d failed\n", failed)
	if failed > 0 {
		os.Exit(1)
	}
}
