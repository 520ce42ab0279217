// netrunner measures the network of a unigornel machine beside that of Linux guests which run the same program in
// the same QEMU with the same devices, in alternation. It is started by bench/net.sh, in a network namespace of its own.
package main

import (
	"flag"
	"fmt"
	"os"
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
		*only, patience = "stream", 500*time.Millisecond
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
	v := f.Judge("one CPU", "microvm")
	if *relay {
		relayBars(v)
	} else {
		bars(v)
	}
	if *only == "" && guests[0].name == "unigornel" {
		smallMachine(v, guests[0])
	}
	if !v.End() {
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
		l.Record(f, g.name, r, used)
	}
}

// bars hold for a tap.
func bars(v *measure.Verdict) {
	v.AtMost("keep-16 cpu-us", 0.45, "CPU per keep-alive request")
	v.AtLeast("close-16 /s", 2.5, "requests a second with a connection each")
	v.AtLeast("big-4 MB/s", 3, "bodies of 1 MiB")
	v.AtMost("keep-16 p99-ms", 0.6, "99th percentile of keep-alive requests")
	v.AtLeast("stream-down MB/s", 2, "a TCP stream from the guest")
	v.AtLeast("stream-up MB/s", 2, "a TCP stream to the guest")
	v.AtMost("first-response-ms", 0.1, "QEMU's start to the first HTTP response")
}

// relayBars hold for paths that lose, delay and damage.
func relayBars(v *measure.Verdict) {
	v.AtLeast("stream-down MB/s", 0.8, "a TCP stream from the guest")
	v.AtLeast("stream-up MB/s", 0.8, "a TCP stream to the guest")
}

// smallMachine serves a thousand requests from a machine of 20 MiB.
func smallMachine(v *measure.Verdict, g *guest) {
	m, err := g.start(20)
	if err == nil {
		defer m.stop()
		for i := 0; i < 1000 && err == nil; i++ {
			if !loads.Answers(patience) {
				err = fmt.Errorf("request %d was not answered", i)
			}
		}
	}
	const what = "a thousand requests in a machine of 20 MiB"
	if err != nil {
		v.Say(false, "%s: %v", what, err)
	} else {
		v.Say(true, what)
	}
}

// guestsFor builds the program and says who runs it.
func guestsFor(work, cache, only string) []*guest {
	native, image, err := measure.Build(root, work, "netbench")
	if err != nil {
		fatal(err)
	}
	var guests []*guest
	if only == "" || only == "unigornel" {
		guests = append(guests, unigornel(image))
	}
	khz := measure.TSCKHz()
	for _, l := range measure.Linuxes(cache) {
		if only != "" && only != l.Name {
			continue
		}
		initrd := filepath.Join(work, "netbench-"+l.Name+".cpio")
		if err := measure.NetworkInitrd(initrd, native, l.Modules); err != nil {
			fatal(err)
		}
		guests = append(guests, linux(l, initrd, khz))
	}
	if len(guests) == 0 {
		fatal("no guest is called", only)
	}
	return guests
}
