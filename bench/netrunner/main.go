// netrunner measures the network of a unigornel machine beside that of Linux guests which run the same program in
// the same QEMU with the same devices, in alternation. It is started by bench/net.sh, in a network namespace of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"unigornel/bench/loads"
	"unigornel/bench/measure"
)

var root string

func fatal(v ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"bench-net:"}, v...)...)
	os.Exit(1)
}

func main() {
	rounds := flag.Int("n", 3, "rounds; figures are medians")
	seconds := flag.Int("t", 3, "seconds a load")
	only := flag.String("only", "", "run only loads whose name contains this")
	guest := flag.String("guest", "", "this guest alone")
	relay := flag.Bool("relay", false, "a relay is on the way: the streams alone, and their bar")
	flag.Parse()
	if *relay {
		*only, bars, patience = "stream", relayBars, 500*time.Millisecond
	}
	if flag.NArg() != 2 {
		fatal("usage: netrunner [-n ROUNDS] [-t SECONDS] [-only LOAD] [-guest GUEST] ROOT CACHE")
	}
	root = flag.Arg(0)
	cache := flag.Arg(1)
	work := filepath.Join(root, "build", "bench")
	if err := os.MkdirAll(work, 0o777); err != nil {
		fatal(err)
	}
	guests := guestsFor(work, cache, *guest)
	names := []string{}
	for _, g := range guests {
		names = append(names, g.name)
	}
	f := measure.New(names...)
	for i := 0; i < *rounds; i++ {
		for _, g := range guests {
			fmt.Fprintf(os.Stderr, "bench-net: round %d of %d, %s\n", i+1, *rounds, g.name)
			round(f, g, *only, time.Duration(*seconds)*time.Second)
		}
	}
	f.Table("median")
	failed := judge(f)
	if *only == "" && guests[0].name == "unigornel" {
		failed += smallMachine(guests[0])
	}
	fmt.Printf("%d failed\n", failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// round boots a guest and puts every load on it.
func round(f *measure.Figures, g *guest, only string, d time.Duration) {
	m, err := g.start(256)
	if err != nil {
		fatal(err)
	}
	defer m.stop()
	f.Add("first-response-ms", g.name, float64(m.first.Microseconds())/1000)
	for _, l := range loads.All {
		if !strings.Contains(l.Name, only) {
			continue
		}
		before := m.cpu()
		r, err := l.Run(d)
		used := m.cpu() - before
		if err != nil {
			fmt.Printf("    %s, %s: %v\n", g.name, l.Name, err)
			continue
		}
		if r.Count == 0 {
			fmt.Printf("    %s, %s: nothing came back\n", g.name, l.Name)
			continue
		}
		f.Add(l.Name+" cpu-us", g.name, float64(used.Microseconds())/r.Count)
		if strings.HasPrefix(l.Name, "stream") || strings.HasPrefix(l.Name, "big") {
			f.Add(l.Name+" MB/s", g.name, r.Bytes/r.Seconds/1e6)
		} else {
			f.Add(l.Name+" /s", g.name, r.Count/r.Seconds)
		}
		if r.P99 != 0 {
			f.Add(l.Name+" p50-ms", g.name, r.P50)
			f.Add(l.Name+" p99-ms", g.name, r.P99)
		}
	}
}

// bar is on a ratio to the Debian guest.
type bar struct {
	figure string
	least  bool // the ratio must be at least that, not at most
	bar    float64
	what   string
}

var bars = []bar{
	{"keep-16 cpu-us", false, 0.45, "CPU per keep-alive request"},
	{"close-16 /s", true, 2.5, "requests a second with a connection each"},
	{"big-4 MB/s", true, 3, "bodies of 1 MiB"},
	{"keep-16 p99-ms", false, 0.6, "99th percentile of keep-alive requests"},
	{"stream-down MB/s", true, 2, "a TCP stream from the guest"},
	{"stream-up MB/s", true, 2, "a TCP stream to the guest"},
	{"first-response-ms", false, 0.1, "QEMU's start to the first HTTP response"},
}

// relayBars hold for paths that lose, delay and damage.
var relayBars = []bar{
	{"stream-down MB/s", true, 0.8, "a TCP stream from the guest"},
	{"stream-up MB/s", true, 0.8, "a TCP stream to the guest"},
}

func judge(f *measure.Figures) (failed int) {
	fmt.Println("\nBars (ratios to the Debian guest, one CPU, microvm)")
	for _, b := range bars {
		r, ok := f.Ratio(b.figure)
		if !ok {
			continue
		}
		word, most := "PASS", "at most"
		if b.least {
			most = "at least"
		}
		if b.least && r < b.bar || !b.least && r > b.bar {
			word = "FAIL"
			failed++
		}
		fmt.Printf("%s  %s: %.3f, %s %.2f\n", word, b.what, r, most, b.bar)
	}
	return failed
}

// smallMachine serves a thousand requests from a machine of 20 MiB.
func smallMachine(g *guest) int {
	m, err := g.start(20)
	if err == nil {
		defer m.stop()
		for i := 0; i < 1000 && err == nil; i++ {
			if !answers() {
				err = fmt.Errorf("request %d was not answered", i)
			}
		}
	}
	if err != nil {
		fmt.Println("FAIL  a thousand requests in a machine of 20 MiB:", err)
		return 1
	}
	fmt.Println("PASS  a thousand requests in a machine of 20 MiB")
	return 0
}

// guestsFor builds the program and says who runs it.
func guestsFor(work, cache, only string) []*guest {
	native, image := filepath.Join(work, "netbench.native"), filepath.Join(work, "netbench")
	for _, c := range [][]string{
		{"go", "build", "-o", native, "."},
		{filepath.Join(root, "build", "unigornel"), "build", "-o", image, "."},
	} {
		cmd := exec.Command(c[0], c[1:]...)
		cmd.Dir = filepath.Join(root, "bench", "programs", "netbench")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			fatal(fmt.Sprintf("%s: %v\n%s", strings.Join(c, " "), err, out))
		}
	}
	var guests []*guest
	if only == "" || only == "unigornel" {
		guests = append(guests, unigornel(image))
	}
	khz := measure.TSCKHz()
	for _, l := range []struct{ name, kernel, modules string }{
		{"debian", filepath.Join(cache, "debian", "vmlinux"), filepath.Join(cache, "debian", "modules")},
		{"tiny", filepath.Join(cache, "tiny", "vmlinux-tiny"), ""},
	} {
		if only != "" && only != l.name {
			continue
		}
		if _, err := os.Stat(l.kernel); err != nil {
			fmt.Printf("(no %s guest: %v)\n", l.name, err)
			continue
		}
		files := []measure.File{{Name: "init", Path: native}}
		if l.modules != "" {
			modules, _ := filepath.Glob(filepath.Join(l.modules, "*.ko"))
			for _, m := range modules {
				files = append(files, measure.File{Name: "m/" + filepath.Base(m), Path: m})
			}
		}
		initrd := filepath.Join(work, "netbench-"+l.name+".cpio")
		if err := measure.Initrd(initrd, []string{"m"}, files...); err != nil {
			fatal(err)
		}
		guests = append(guests, linux(l.name, l.kernel, initrd, khz))
	}
	if len(guests) == 0 {
		fatal("no guest is called", only)
	}
	return guests
}
