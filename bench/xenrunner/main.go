// xenrunner measures a unigornel guest beside a Linux guest with the same program under the real Xen of the lab
// (docs/xen.md): one machine, one dom0, one bridge, guests in alternation. It is started by bench/xen.sh, in a network namespace of its own.
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

const (
	tapName = "tap-bench"
	mac     = "00:16:3e:77:00:02"
	memory  = 256
	console = "/var/log/xen/console/guest-guest.log"
)

var root string

func fatal(v ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"bench-xen:"}, v...)...)
	os.Exit(1)
}

// guest is one way to run the program; or, as "nothing", none, which shows what Xen and xl take for themselves.
type guest struct {
	name    string
	kernel  string
	ramdisk string
	cmdline string
	markers string // lines of its console
	serves  bool
}

func main() {
	rounds := flag.Int("n", 3, "rounds; figures are medians")
	seconds := flag.Int("t", 4, "seconds a load")
	only := flag.String("only", "keep", "run only loads whose name contains this")
	which := flag.String("guest", "", "this guest alone")
	boot := flag.Bool("boot", false, "no loads: the first lines alone")
	shell := flag.String("dom0", "", "a command for dom0 while the guest serves, after the loads; its output is printed")
	flag.Parse()
	if flag.NArg() != 2 {
		fatal("usage: xenrunner [-n ROUNDS] [-t SECONDS] [-only LOAD] [-guest GUEST] ROOT CACHE")
	}
	root = flag.Arg(0)
	cache := flag.Arg(1)
	work := filepath.Join(root, "build", "bench")
	if err := os.MkdirAll(work, 0o777); err != nil {
		fatal(err)
	}
	guests, names := []*guest{}, []string{}
	for _, g := range guestsFor(work, cache) {
		if *which == "" || g.name == *which {
			guests, names = append(guests, g), append(names, g.name)
		}
	}
	if *boot {
		for _, g := range guests {
			g.serves = false
			g.cmdline = strings.ReplaceAll(g.cmdline, "ip=eth0:"+loads.Address+"/24", "")
		}
	}
	m, err := start(payload(work, guests))
	if err != nil {
		fatal(err)
	}
	defer m.stop()
	f := measure.New(names...)
	for i := -1; i < *rounds; i++ { // a first round for dom0's caches and QEMU's translations
		for _, g := range guests {
			fmt.Fprintf(os.Stderr, "bench-xen: round %d of %d, %s\n", i+1, *rounds, g.name)
			into := f
			if i < 0 {
				into = measure.New(names...)
			}
			round(m, into, g, *only, time.Duration(*seconds)*time.Second, *shell)
		}
	}
	f.Table("median")
	v := f.Judge()
	v.AtMost("keep-16 cpu-us", 0.5, "host CPU per keep-alive request")
	v.AtMost("main-ms", 0.5, "xl create to the first line")
	v.AtMost("listen-ms", 0.5, "xl create to the first line after the network is there")
	if !v.End() {
		m.stop()
		os.Exit(1)
	}
}

// round creates g's domain, puts the loads on it and destroys it.
func round(m *machine, f *measure.Figures, g *guest, only string, d time.Duration, shell string) {
	begin := time.Now()
	before, _ := m.cpu()
	m.each(func(line string) {
		var name string
		var ms float64
		if n, _ := fmt.Sscan(line, &name, &ms); n == 2 {
			name = strings.ToLower(strings.TrimPrefix(name, "BENCH-"))
			f.Add(name+"-ms", g.name, ms)
			now, _ := m.cpu()
			f.Add(name+" cpu-ms", g.name, float64((now-before).Microseconds())/1000)
		}
	}, "firstline %s 180 %s xl create %s.cfg", console, g.markers, g.name)
	if g.serves {
		for !loads.Answers(300 * time.Millisecond) {
			if time.Since(begin) > 180*time.Second {
				out := m.run("cat %s; xl dmesg | tail -n 20", console)
				m.stop()
				fatal(g.name, "does not answer:\n", out)
			}
			time.Sleep(20 * time.Millisecond)
		}
		for _, l := range loads.All {
			if strings.Contains(l.Name, only) {
				load(m, f, g, l, d)
			}
		}
		if shell != "" {
			fmt.Println(m.run("%s", shell))
		}
	}
	m.run("xl destroy guest; while xl domid guest >/dev/null 2>&1; do usleep 100000; done")
}

// load measures one load.
func load(m *machine, f *measure.Figures, g *guest, l loads.Load, d time.Duration) {
	dom0, guest := m.domainCPU()
	before, vcpuBefore := m.cpu()
	r, err := l.Run(d)
	after, vcpu := m.cpu()
	if err != nil || r.Count == 0 {
		fmt.Printf("    %s, %s: %v, %v done\n", g.name, l.Name, err, r.Count)
		return
	}
	dom0After, guestAfter := m.domainCPU()
	l.Record(f, g.name, r, after-before)
	f.Add(l.Name+" cpu-us, devices", g.name, float64((after-before-vcpu+vcpuBefore).Microseconds())/r.Count)
	f.Add(l.Name+" cpu-us, guest", g.name, (guestAfter-guest)*1e6/r.Count)
	f.Add(l.Name+" cpu-us, dom0", g.name, (dom0After-dom0)*1e6/r.Count)
}

// guestsFor builds the program and says who runs it.
func guestsFor(work, cache string) []*guest {
	native, image, err := measure.Build(root, work, "netbench", "-ldflags=-s -w")
	if err != nil {
		fatal(err)
	}
	ramdisk := filepath.Join(work, "netbench-xen.cpio")
	if err := measure.NetworkInitrd(ramdisk, native, filepath.Join(cache, "debian", "xen")); err != nil {
		fatal(err)
	}
	nothing := filepath.Join(work, "nothing")
	compile(filepath.Join(root, "bench", "xen", "nothing.c"), nothing, "-m32", "-Wno-main", "-ffreestanding", "-fno-pic",
		"-fno-stack-protector", "-fcf-protection=none", "-mgeneral-regs-only", "-nostdlib", "-static", "-no-pie",
		"-Wl,-Ttext-segment=0x100000,--build-id=none,-e,start")
	return []*guest{
		{name: "unigornel", kernel: image, markers: "BENCH-MAIN,BENCH-LISTEN", serves: true,
			cmdline: "quiet ip=eth0:" + loads.Address + "/24"},
		{name: "debian", kernel: filepath.Join(cache, "debian", "vmlinux"), ramdisk: ramdisk, markers: "BENCH-MAIN,BENCH-LISTEN", serves: true,
			cmdline: "console=hvc0 quiet mitigations=off panic=-1 BENCH_LINUX=1"},
		{name: "nothing", kernel: nothing, markers: "BENCH-MAIN"},
	}
}

// compile makes the program to of the C file from.
func compile(from, to string, flags ...string) {
	c := exec.Command("gcc", append([]string{"-O2", "-Wall", "-Wextra", "-Werror", "-o", to, from}, flags...)...)
	if out, err := c.CombinedOutput(); err != nil {
		fatal(fmt.Sprintf("%s: %v\n%s", from, err, out))
	}
}

// payload is what dom0 gets: the guests with their configurations, and our programs.
func payload(work string, guests []*guest) []measure.File {
	firstline := filepath.Join(work, "firstline")
	compile(filepath.Join(root, "bench", "xen", "firstline.c"), firstline, "-static", "-s")
	files := []measure.File{
		{Name: "sbin/guest", Path: filepath.Join(root, "bench", "xen", "agent")},
		{Name: "sbin/firstline", Path: firstline},
	}
	for _, g := range guests {
		c := fmt.Sprintf("name=\"guest\"\ntype=\"pvh\"\nkernel=\"/guests/%s\"\nmemory=%d\nvcpus=1\ntsc_mode=\"native\"\ncmdline=\"%s\"\nvif=[\"mac=%s,bridge=xenbr0\"]\n",
			g.name, memory, g.cmdline, mac)
		files = append(files, measure.File{Name: "guests/" + g.name, Path: g.kernel})
		if g.ramdisk != "" {
			c += fmt.Sprintf("ramdisk=\"/guests/%s.ramdisk\"\n", g.name)
			files = append(files, measure.File{Name: "guests/" + g.name + ".ramdisk", Path: g.ramdisk})
		}
		config := filepath.Join(work, g.name+".cfg")
		if err := os.WriteFile(config, []byte(c), 0o666); err != nil {
			fatal(err)
		}
		files = append(files, measure.File{Name: "guests/" + g.name + ".cfg", Path: config})
	}
	return files
}
