// Disks that Xen's toolstack gives to guests.
package xen

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
)

const (
	disk      = "tests/block/programs/disk"
	hotplug   = "tests/xen/programs/hotplug"
	diskLimit = 5 * time.Minute
	patience  = 15 * time.Minute // longer than diskLimit, which is the lab's, counted from the guest's start
)

// startDisk runs a program that has disks with the lab's options.
func startDisk(t *testing.T, program string, options []string, args ...string) labRun {
	t.Helper()
	p := machine.Build(t, program)
	options = append([]string{"--timeout", fmt.Sprint(int(diskLimit.Seconds()))}, options...)
	return inLab(t, append(options, "--cmdline", "quiet -- "+strings.Join(args, " "), p.Image)...)
}

// match waits until the output matches, and returns what the expression's group matched.
func (r labRun) match(expression string) (found string) {
	r.t.Helper()
	re := regexp.MustCompile(expression)
	r.Until(fmt.Sprintf("says something like %q", expression), patience, func() bool {
		m := re.FindStringSubmatch(r.Said())
		if m != nil {
			found = m[len(m)-1]
		}
		return m != nil
	})
	return found
}

// succeeds waits for the guest's end, with exit code 0, and returns all its output.
func (r labRun) succeeds() string {
	r.t.Helper()
	if code := r.Code(patience); code != 0 {
		r.t.Fatalf("exit code %d; output:\n%s", code, r.Said())
	}
	return r.Said()
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
	sum := g.match(`(?m)^([0-9a-f]{64})$`)
	if got := g.dom0("sh", "-c", "sha256sum </dev/vdb"); !strings.HasPrefix(got, sum) {
		t.Errorf("dom0 reads %s, the guest wrote %s", got, sum)
	}
	if got := fileHash(t, file, size); got != sum {
		t.Errorf("the file has %s, the guest wrote %s", got, sum)
	}
	g.end()
	g = startDisk(t, disk, []string{"--disk", file + ":ro"}, "hash", "/dev/xvda", fmt.Sprint(size))
	if got := g.succeeds(); !strings.Contains(got, sum) {
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
			if out := g.succeeds(); !strings.Contains(out, "ok\n") {
				t.Errorf("output:\n%s", out)
			}
		})
	}
}

// Thousands of interrupts, each of which the program waits for.
func TestDiskBursts(t *testing.T) {
	t.Parallel()
	g := startDisk(t, disk, []string{"--disk", "blank:16M"}, "bursts", "/dev/xvda", "3000")
	if out := g.succeeds(); !strings.Contains(out, "ok\n") {
		t.Errorf("output:\n%s", out)
	}
}

func TestDiskReadOnly(t *testing.T) {
	t.Parallel()
	file := diskFile(t, "disk", 1<<20, "kept")
	before := machine.Hash(t, file)
	out := startDisk(t, disk, []string{"--disk", file + ":ro"}, "errors", "/dev/xvda").succeeds()
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
	g.Until("writes", diskLimit, func() bool {
		return g.exec("sh", "-c", `
			cd /sys/bus/xen-backend/devices/vbd-1-51712/statistics &&
			until [ $(cat wr_req) -gt 20 ]; do usleep 20000; done`).Run() == nil
	})
	for i := 0; i < 4; i++ {
		g.dom0("sh", "-c", `state=/local/domain/0/backend/vbd/1/51712/state
			xenstore-write $state 5
			until [ $(xenstore-read $state) = 4 ]; do usleep 20000; done`)
		time.Sleep(300 * time.Millisecond)
	}
	if out := g.succeeds(); !strings.Contains(out, "ok\n") || strings.Contains(out, "unigornel:") {
		t.Errorf("output:\n%s", out)
	}
}

// A disk is detached while it is used, and another attached: what was open answers EIO from then on.
func TestDiskDetachAttach(t *testing.T) {
	t.Parallel()
	options := []string{"--disk", diskFile(t, "first", 8<<20, "first"),
		"--spare", diskFile(t, "second", 4<<20, "second"), "--spare", diskFile(t, "end", 1<<20, "end")}
	g := startDisk(t, hotplug, options, "/dev/xvda")
	g.match(`fresh 8388608 "first"`)
	for _, next := range []string{"/dev/vdc", "/dev/vdd"} {
		g.dom0("xl", "block-detach", "guest", "xvda")
		g.dom0("xl", "block-attach", "guest", "format=raw,vdev=xvda,access=rw,target="+next)
		if next == "/dev/vdc" {
			g.match(`fresh 4194304 "second"`)
		}
	}
	out := g.succeeds()
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
	g.match(`fresh 524288 "end"`)
	g.dom0("sh", "-c", "truncate -s 1M /run/disk; losetup -c /dev/loop7")
	if out := g.succeeds(); !strings.Contains(out, `held 1048576 "end"`) {
		t.Errorf("output:\n%s", out)
	}
}
