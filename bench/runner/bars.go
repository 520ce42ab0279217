package main

import (
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"

	"unigornel/bench/measure"
)

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
	v := f.Judge("one CPU", "microvm")
	v.AtMost("first-line-ms", 0.07, "QEMU's start to the first line")
	v.AtMost("syscall-raw", 0.05, "a raw system call")
	v.AtMost("time.Now", 0.6, "time.Now")
	v.AtMost("thread-pingpong", 0.4, "ping-pong of OS threads")
	v.AtMost("touch-256M", 0.25, "first touch of 256 MiB, a page")
	v.AtMost("munmap-256M", 0.05, "munmap, a page")
	v.AtMost("channel-procs1", 1, "ping-pong over channels")
	v.AtMost("goroutine-spawn", 1, "starting a goroutine")
	v.AtMost("binary-trees", 1, "binary trees, a node")
	v.AtMost("alloc-64", 1, "allocating 64 bytes")
	v.AtMost("gc-forced", 1, "a forced collection")
	if !quick {
		hello, _ := f.Median("hello-MiB", "unigornel")
		v.Say(hello <= 8, "hello runs in %.0f MiB, at most 8", hello)
		bench, _ := f.Median("bench-MiB", "unigornel")
		v.Say(bench <= heap+8, "bench runs in %.0f MiB, at most its heap of %.0f and 8", bench, heap)
	}
	const kib = 1024.0
	v.Say(s.kernel < 400*1024, "the kernel's code and constants: %.0f KiB, under 400", float64(s.kernel)/kib)
	v.Say(s.image <= s.native+600*1024, "the image of hello: %.0f KiB, at most its executable's %.0f and 600", float64(s.image)/kib, float64(s.native)/kib)
	if !v.End() {
		os.Exit(1)
	}
}
