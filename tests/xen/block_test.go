// Package xen runs guests in the lab with what Xen's toolstack gives them: disks, interfaces, and
// what a toolstack does to a guest that runs.
package xen

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"unigornel/tests/machine"
)

const (
	disk      = "tests/block/programs/disk"
	hotplug   = "tests/xen/programs/hotplug"
	diskLimit = 5 * time.Minute
)

// diskGuest is a guest that has disks, under way.
type diskGuest struct {
	t     *testing.T
	dir   string
	path  string        // of what it has printed
	ended chan struct{} // closed at its end, then there is
	err   error
}

func diskLab() string { return filepath.Join(machine.Root(), "tests", "xenlab", "xenlab") }

// startDisk runs the program with the lab's options.
func startDisk(t *testing.T, program string, options []string, args ...string) *diskGuest {
	t.Helper()
	p := machine.Build(t, program)
	g := &diskGuest{t: t, dir: filepath.Join(t.TempDir(), "run"), path: filepath.Join(t.TempDir(), "output"),
		ended: make(chan struct{})}
	out, err := os.Create(g.path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	command := append([]string{"run", "--dir", g.dir, "--timeout", fmt.Sprint(int(diskLimit.Seconds()))}, options...)
	command = append(command, "--cmdline", "quiet -- "+strings.Join(args, " "), p.Image)
	cmd := exec.Command(diskLab(), command...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		g.err = cmd.Wait()
		close(g.ended)
	}()
	t.Cleanup(func() {
		select {
		case <-g.ended:
		default:
			syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
			<-g.ended
		}
	})
	return g
}

func (g *diskGuest) output() string {
	text, _ := os.ReadFile(g.path)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// wait waits until the output matches, and returns what the expression's group matched.
func (g *diskGuest) wait(expression string) string {
	g.t.Helper()
	re := regexp.MustCompile(expression)
	for ended := false; !ended; {
		select {
		case <-g.ended:
			ended = true
		case <-time.After(100 * time.Millisecond):
		}
		if m := re.FindStringSubmatch(g.output()); m != nil {
			return m[len(m)-1]
		}
	}
	g.t.Fatalf("nothing like %q in the output:\n%s", expression, g.output())
	return ""
}

// dom0 runs a command there.
func (g *diskGuest) dom0(command ...string) string {
	g.t.Helper()
	out, err := exec.Command(diskLab(), append([]string{"exec", g.dir}, command...)...).CombinedOutput()
	if err != nil {
		g.t.Fatalf("%s: %v\n%s\nguest:\n%s", command, err, out, g.output())
	}
	return strings.TrimSpace(string(out))
}

// end waits for the guest's end, with exit code 0, and returns all its output.
func (g *diskGuest) end() string {
	g.t.Helper()
	<-g.ended
	if g.err != nil {
		g.t.Fatalf("%v; output:\n%s", g.err, g.output())
	}
	return g.output()
}

// diskFile makes a disk's file: of so many bytes, beginning with a word.
func diskFile(t *testing.T, name string, size int64, word string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(word), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

func fileHash(t *testing.T, path string, n int) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data[:n]))
}

// 64 MiB written, synced and read back; dom0 and the outer machine see the same bytes.
func TestDiskHolds64MiB(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	file := diskFile(t, "disk", size, "")
	g := startDisk(t, disk, []string{"--hold", "--disk", file}, "fill", "/dev/xvda", fmt.Sprint(size), "1")
	sum := g.wait(`(?m)^([0-9a-f]{64})$`)
	if got := g.dom0("sh", "-c", "sha256sum </dev/vdb"); !strings.HasPrefix(got, sum) {
		t.Errorf("dom0 reads %s, the guest wrote %s", got, sum)
	}
	if got := fileHash(t, file, size); got != sum {
		t.Errorf("the file has %s, the guest wrote %s", got, sum)
	}
	exec.Command(diskLab(), "end", g.dir).Run()
	<-g.ended
	g = startDisk(t, disk, []string{"--disk", file + ":ro"}, "hash", "/dev/xvda", fmt.Sprint(size))
	if got := g.end(); !strings.Contains(got, sum) {
		t.Errorf("the guest reads %s, and wrote %s", got, sum)
	}
}

// Random transfers by many goroutines, with sectors of both sizes.
func TestDiskRandomTransfers(t *testing.T) {
	for _, sector := range []string{"", ":4k"} {
		sector := sector
		t.Run("sectors"+sector, func(t *testing.T) {
			t.Parallel()
			g := startDisk(t, disk, []string{"--disk", "blank:16M" + sector}, "check", "/dev/xvda", "1")
			if out := g.end(); !strings.Contains(out, "ok\n") {
				t.Errorf("output:\n%s", out)
			}
		})
	}
}

// Tens of thousands of interrupts, each of which the program waits for.
func TestDiskBursts(t *testing.T) {
	t.Parallel()
	g := startDisk(t, disk, []string{"--disk", "blank:16M"}, "bursts", "/dev/xvda", "10000")
	if out := g.end(); !strings.Contains(out, "ok\n") {
		t.Errorf("output:\n%s", out)
	}
}

func TestDiskReadOnly(t *testing.T) {
	t.Parallel()
	file := diskFile(t, "disk", 1<<20, "kept")
	before := machine.Hash(t, file)
	out := startDisk(t, disk, []string{"--disk", file + ":ro"}, "errors", "/dev/xvda").end()
	if strings.Contains(out, "read ") && !strings.Contains(out, "read all: 65536 ok") {
		t.Error("cannot be read")
	}
	for _, want := range []string{"write 0: ", "write 127: ", "write all: 0 ", "write at 300: 0 "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q: it can be written", want)
		}
	}
	if machine.Hash(t, file) != before {
		t.Error("it has changed")
	}
	if t.Failed() {
		t.Log(out)
	}
}

// The backend goes away and comes back while many write and read: not a byte is lost, and nobody is
// told.
func TestDiskBackendReturns(t *testing.T) {
	t.Parallel()
	g := startDisk(t, disk, []string{"--disk", "blank:16M"}, "check", "/dev/xvda", "2")
	for deadline := time.Now().Add(diskLimit); ; time.Sleep(300 * time.Millisecond) {
		// When it writes.
		out, err := exec.Command(diskLab(), "exec", g.dir, "sh", "-c", `
			cd /sys/bus/xen-backend/devices/vbd-1-51712/statistics &&
			until [ $(cat wr_req) -gt 20 ]; do usleep 20000; done`).CombinedOutput()
		if err == nil {
			break
		}
		select {
		case <-g.ended:
			t.Fatalf("no request: %s\n%s", out, g.output())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("no request: %s\n%s", out, g.output())
		}
	}
	for i := 0; i < 4; i++ {
		g.dom0("sh", "-c", `state=/local/domain/0/backend/vbd/1/51712/state
			xenstore-write $state 5
			until [ $(xenstore-read $state) = 4 ]; do usleep 20000; done`)
		time.Sleep(300 * time.Millisecond)
	}
	if out := g.end(); !strings.Contains(out, "ok\n") || strings.Contains(out, "unigornel:") {
		t.Errorf("output:\n%s", out)
	}
}

// A disk is detached while it is used, and another attached: what was open answers EIO from then on.
func TestDiskDetachAttach(t *testing.T) {
	t.Parallel()
	options := []string{"--disk", diskFile(t, "first", 8<<20, "first"),
		"--spare", diskFile(t, "second", 4<<20, "second"), "--spare", diskFile(t, "end", 1<<20, "end")}
	g := startDisk(t, hotplug, options, "/dev/xvda")
	g.wait(`fresh 8388608 "first"`)
	for _, next := range []string{"/dev/vdc", "/dev/vdd"} {
		g.dom0("xl", "block-detach", "guest", "xvda")
		g.dom0("xl", "block-attach", "guest", "format=raw,vdev=xvda,access=rw,target="+next)
		if next == "/dev/vdc" {
			g.wait(`fresh 4194304 "second"`)
		}
	}
	out := g.end()
	for _, want := range []string{"held read: input/output error\n", "fresh open: no such file or directory\n",
		`fresh 1048576 "end"` + "\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(out, "unigornel:") {
		t.Error("the kernel complains")
	}
	if t.Failed() {
		t.Log(out)
	}
}

// The backend's device grows: the program sees the new size.
func TestDiskGrows(t *testing.T) {
	t.Parallel()
	g := startDisk(t, hotplug, []string{"--before", "truncate -s 512K /run/disk", "--before", "printf end >/run/disk",
		"--before", "truncate -s 512K /run/disk; losetup /dev/loop7 /run/disk",
		"--cfg", `disk=["format=raw,vdev=xvda,access=rw,target=/dev/loop7"]`}, "/dev/xvda")
	g.wait(`fresh 524288 "end"`)
	g.dom0("sh", "-c", "truncate -s 1M /run/disk; losetup -c /dev/loop7")
	if out := g.end(); !strings.Contains(out, `held 1048576 "end"`) {
		t.Errorf("output:\n%s", out)
	}
}
