// What the toolstack does to a guest that runs: xl shutdown, reboot, destroy, console, mem-set, save,
// restore, network-detach and -attach.
package xen

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
)

const (
	life      = "tests/xen/programs/life"
	lifeLimit = 8 * time.Minute
)

// managed is a run of the lab whose guest, programs/life, is managed from dom0. It outlives its guest.
type managed struct{ labRun }

func manage(t *testing.T, options []string, arguments ...string) managed {
	t.Helper()
	p := machine.Build(t, life)
	options = append([]string{"--hold", "--raw", "--mem", "48", "--timeout", fmt.Sprint(int(lifeLimit.Seconds()))}, options...)
	g := managed{inLab(t, append(options, "--cmdline", "console=pipe quiet -- "+strings.Join(arguments, " "), p.Image)...)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the guest said:\n%s", g.Said())
		}
	})
	g.count("up\n", 1)
	return g
}

// until waits for something to become true.
func (g managed) until(what string, f func() bool) {
	g.t.Helper()
	g.Until(what, 4*time.Minute, f)
}

// count waits until the guest has said a text so many times.
func (g managed) count(text string, n int) {
	g.t.Helper()
	g.until(fmt.Sprintf("%q, %d times", text, n), func() bool { return strings.Count(g.Said(), text) >= n })
}

func TestShutdownIsTheProgramsOwn(t *testing.T) {
	g := manage(t, nil)
	g.xl("shutdown", "guest")
	g.count("got terminated\n", 1)
	if code := g.end(); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

// TestReboot: on_reboot is obeyed, since the domain says that it wants to restart.
func TestReboot(t *testing.T) {
	g := manage(t, []string{"--cfg", `on_reboot="restart"`})
	g.xl("reboot", "guest")
	g.count("got terminated\n", 1)
	g.count("up\n", 2)
	if !strings.Contains(g.xl("list"), "guest") {
		t.Error("there is no domain after the reboot")
	}
	g.xl("destroy", "guest")
	if strings.Contains(g.xl("list"), "guest") {
		t.Error("there is a domain after xl destroy")
	}
}

func TestConsole(t *testing.T) {
	g := manage(t, nil)
	seen := ""
	// The lab reads the same terminal, so that each has a part.
	g.until("xl console shows the guest's output", func() bool {
		out, _ := g.shell(nil, "timeout 5 xl console guest")
		seen += out
		return strings.Contains(seen, "tick") || strings.Contains(seen, "monotonic")
	})
}

var (
	tickLine = regexp.MustCompile(`(?m)^tick (\d+) monotonic (\S+) wall (\S+) MemTotal: (\d+)$`)
)

type tick struct {
	n               int
	monotonic, wall float64
	memory          int // KiB
}

func (g managed) ticks() []tick {
	var all []tick
	for _, m := range tickLine.FindAllStringSubmatch(g.Said(), -1) {
		var t tick
		t.n, _ = strconv.Atoi(m[1])
		t.monotonic, _ = strconv.ParseFloat(m[2], 64)
		t.wall, _ = strconv.ParseFloat(m[3], 64)
		t.memory, _ = strconv.Atoi(m[4])
		all = append(all, t)
	}
	return all
}

// memory waits until the guest says that it has between min and max MiB; some is the kernel's.
func (g managed) memory(min, max int) {
	g.t.Helper()
	g.until(fmt.Sprintf("memory from %d to %d MiB", min, max), func() bool {
		all := g.ticks()
		return len(all) > 0 && all[len(all)-1].memory > min<<10 && all[len(all)-1].memory <= max<<10
	})
}

// TestMemory: the target is followed down and up, above the memory of the start as well where maxmem
// allows it, in a guest that was told at its start of more memory than it had.
func TestMemory(t *testing.T) {
	g := manage(t, []string{"--cfg", "maxmem=96"})
	g.memory(40, 48)
	g.xl("mem-set", "guest", "30m")
	g.memory(22, 30)
	g.xl("mem-set", "guest", "90m")
	g.memory(80, 90)
	g.xl("mem-set", "guest", "40m")
	g.memory(32, 40)
	g.xl("shutdown", "guest")
	g.count("got terminated\n", 1)
	if code := g.end(); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

// TestPause: nothing but time passes.
func TestPause(t *testing.T) {
	g := manage(t, nil)
	g.count("tick", 2)
	g.xl("pause", "guest")
	before := len(g.ticks())
	time.Sleep(3 * time.Second)
	if now := len(g.ticks()); now > before+2 {
		t.Errorf("%d ticks while the guest was paused", now-before)
	}
	g.xl("unpause", "guest")
	g.count("tick", before+5)
}

// source serves one body slowly, so that much happens in the middle of it.
type source struct {
	url  string
	hash string
}

const (
	sourceBytes = 24 << 20
	sourcePiece = 64 << 10
)

func serve(t *testing.T) source {
	t.Helper()
	piece := func(i int) []byte {
		b := make([]byte, sourcePiece)
		for j := range b {
			b[j] = byte(i*31 + j*7 + j/251)
		}
		return b
	}
	hash := sha256.New()
	for i := 0; i < sourceBytes/sourcePiece; i++ {
		hash.Write(piece(i))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(sourceBytes))
		for i := 0; i < sourceBytes/sourcePiece; i++ {
			if _, err := w.Write(piece(i)); err != nil {
				return
			}
			time.Sleep(15 * time.Millisecond)
		}
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return source{"http://10.0.2.2:" + port + "/", fmt.Sprintf("%x", hash.Sum(nil))}
}

func (g managed) downloaded(s source) {
	g.t.Helper()
	g.until("the download ends", func() bool {
		return strings.Contains(g.Said(), "downloaded") || strings.Contains(g.Said(), "failed:")
	})
	if want := fmt.Sprintf("downloaded %d bytes, hash %s\n", sourceBytes, s.hash); !strings.Contains(g.Said(), want) {
		g.t.Errorf("not %q", want)
	}
}

// TestSaveAndRestoreInADownload: first as a checkpoint, after which the same domain goes on, then into
// a new domain. What arrives is written to a disk, and read from there in the end.
func TestSaveAndRestoreInADownload(t *testing.T) {
	s := serve(t)
	g := manage(t, []string{"--vif", "--disk", "blank:64M", "--spare", "blank:300M"}, "download", s.url, "/dev/xvda")
	g.count("2 MiB at", 1)
	g.xl("save", "-c", "guest", "/dev/vdc")
	g.count("8 MiB at", 1)
	g.xl("save", "guest", "/dev/vdc")
	if strings.Contains(g.xl("list"), "guest") {
		t.Error("the domain is still there after xl save")
	}
	g.xl("restore", "/dev/vdc")
	g.downloaded(s)
	g.xl("shutdown", "guest")
	g.count("got terminated\n", 1)
	if code := g.end(); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

// TestLiveMigration: to the same host, which is a new domain all the same.
func TestLiveMigration(t *testing.T) {
	s := serve(t)
	g := manage(t, []string{"--vif", "--disk", "blank:64M"}, "download", s.url, "/dev/xvda")
	g.count("4 MiB at", 1)
	g.xl("migrate", "-s", "", "guest", "xl migrate-receive -e")
	g.downloaded(s)
	if out := g.xl("list", "guest"); !strings.Contains(out, " 2 ") {
		t.Errorf("it is not the second domain:\n%s", out)
	}
}

// TestClocksOverSaveAndRestore: the monotonic clock stands still meanwhile, the wall clock does not.
func TestClocksOverSaveAndRestore(t *testing.T) {
	g := manage(t, []string{"--spare", "blank:300M"})
	g.count("tick", 2)
	g.xl("save", "guest", "/dev/vdb")
	before := len(g.ticks())
	saved := time.Now()
	time.Sleep(5 * time.Second)
	g.xl("restore", "/dev/vdb")
	away := time.Since(saved).Seconds()
	g.count("tick", before+4)
	all := g.ticks()
	for i := 1; i < len(all); i++ {
		step := all[i].monotonic - all[i-1].monotonic
		if all[i].n != all[i-1].n+1 || step < 0.49 || step > 4 {
			t.Errorf("tick %d came %.3f s after tick %d", all[i].n, step, all[i-1].n)
		}
	}
	// Between the last tick before and the first after lies what passed, at least, in the wall clock alone.
	gap := all[before].wall - all[before-1].wall - (all[before].monotonic - all[before-1].monotonic)
	if gap < away*0.9-1 || gap > away+60 {
		t.Errorf("saved for %.1f s, and the wall clock says %.1f", away, gap)
	}
	if drift := all[len(all)-1].wall - all[len(all)-1].monotonic - (all[before].wall - all[before].monotonic); drift > 0.1 || drift < -0.1 {
		t.Errorf("the clocks drift apart by %.3f s", drift)
	}
	now, err := strconv.ParseFloat(strings.TrimSpace(g.dom0("date", "+%s")), 64)
	if err != nil {
		t.Fatal(err)
	}
	if last := all[len(all)-1].wall; now-last < -5 || now-last > 60 {
		t.Errorf("the wall clock is at %.0f, dom0's at %.0f", last, now)
	}
}

// TestInterfaceComesBack: the backend goes in the middle of a transfer, and a new one comes.
func TestInterfaceComesBack(t *testing.T) {
	s := serve(t)
	g := manage(t, []string{"--vif"}, "download", s.url)
	g.count("4 MiB at", 1)
	g.xl("network-detach", "guest", "0")
	time.Sleep(2 * time.Second)
	g.xl("network-attach", "guest", "mac=00:16:3e:00:00:0f", "bridge=xenbr0")
	g.downloaded(s)
}
