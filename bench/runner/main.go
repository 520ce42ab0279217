// runner measures Unigornel against Linux guests on the same emulator and prints the figures, the
// ratios to the Debian guest, and the bars they are held to. Guests take turns (A B C A B C), since
// a host's speed drifts; cells are medians.
//
//	runner ROOT CACHE [-n runs]     ROOT: the repository; CACHE: where the Linux kernels are
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"unigornel/bench/measure"
)

var root string

func fatal(v ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"bench:"}, v...)...)
	os.Exit(1)
}

func main() {
	runs := flag.Int("n", 3, "runs of the bench program; the first line is measured twice as often")
	quick := flag.Bool("quick", false, "no search for the smallest memory")
	flag.Parse()
	if flag.NArg() != 2 {
		fatal("usage: runner [-n RUNS] [-quick] ROOT CACHE")
	}
	root = flag.Arg(0)
	cache := flag.Arg(1)
	work := filepath.Join(root, "build", "bench")
	if err := os.MkdirAll(work, 0o777); err != nil {
		fatal(err)
	}
	for _, p := range []string{"hello", "bench"} {
		build(p, work)
	}

	khz := measure.TSCKHz()
	guests := []*guest{unigornel(work)}
	for _, l := range measure.Linuxes(cache) {
		guests = append(guests, linux(l, work, khz))
	}

	names := []string{}
	for _, g := range guests {
		names = append(names, g.name)
	}
	f := measure.New(names...)
	for i := 0; i < 2**runs; i++ {
		for _, g := range guests {
			o := g.run("hello", 256, nil, "BENCH-HELLO", "BENCH-HELLO", time.Minute)
			if !o.ok {
				fatal(g.name, "did not say hello:\n", o.output)
			}
			f.Add("first-line-ms", g.name, o.first.Seconds()*1000)
		}
	}
	heap := 0.0
	for i := 0; i < *runs; i++ {
		for _, g := range guests {
			fmt.Fprintf(os.Stderr, "bench: run %d of %d, %s\n", i+1, *runs, g.name)
			o := g.run("bench", 512, nil, "BENCH-START", "BENCH-DONE", 10*time.Minute)
			if !o.ok {
				fatal(g.name, "did not finish:\n", o.output)
			}
			for name, ns := range parse(o.output) {
				f.Add(name, g.name, ns)
			}
		}
	}
	if !*quick {
		for _, g := range guests {
			mib, _ := smallest(g, "hello", "BENCH-HELLO", 128)
			f.Add("hello-MiB", g.name, float64(mib))
			mib, output := smallest(g, "bench", "BENCH-DONE", 512)
			f.Add("bench-MiB", g.name, float64(mib))
			if g == guests[0] {
				heap = heapOf(output)
			}
		}
	}
	f.Table("median (ns/op)")
	sizes := measureSizes(work)
	judge(f, heap, sizes, *quick)
}

// build makes the image, the native executable and the Linux guests' archive of a program.
func build(program, work string) {
	native, _, err := measure.Build(root, work, program)
	if err != nil {
		fatal(err)
	}
	if err := measure.Initrd(filepath.Join(work, program+".cpio"), nil, measure.File{Name: "init", Path: native}); err != nil {
		fatal(err)
	}
}

var line = regexp.MustCompile(`(?m)^BENCH (\S+)\s+([0-9.]+) ns/op`)

func parse(output string) map[string]float64 {
	m := map[string]float64{}
	for _, s := range line.FindAllStringSubmatch(strings.ReplaceAll(output, "\r", ""), -1) {
		ns, err := strconv.ParseFloat(s[2], 64)
		if err != nil {
			fatal(err)
		}
		m[s[1]] = ns
	}
	return m
}

// heapOf is the most that the bench program's runtime held for heap and stacks, in MiB.
func heapOf(output string) float64 {
	m := regexp.MustCompile(`BENCH-MEMORY heap=(\d+)`).FindStringSubmatch(output)
	if m == nil {
		fatal("the bench program did not finish:\n", output)
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	return n / (1 << 20)
}

// smallest searches the least machine memory in MiB with which the program reaches the marker, by
// bisection below a size that is known to do, and what the program printed there. The bench program
// leaves out its touching of 256 MiB.
func smallest(g *guest, program, marker string, enough int) (mib int, output string) {
	low, high := 1, enough // low fails, high works
	for high-low > 1 {
		mid := (low + high) / 2
		fmt.Fprintf(os.Stderr, "bench: %s of %s in %d MiB\n", program, g.name, mid)
		if o := g.run(program, mid, []string{"BENCH_TOUCH=0"}, marker, marker, 3*time.Minute); o.ok {
			high, output = mid, o.output
		} else {
			low = mid
		}
	}
	return high, output
}
