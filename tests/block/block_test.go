// Package block tests block devices: /dev/vda as programs see it, the virtio driver against the
// disks that QEMU can make, the flag --disk, and power cuts.
package block

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
)

const (
	program = "tests/block/programs/disk"
	qemu    = "qemu-system-x86_64"
	mib     = 1 << 20
)

func makeDisk(t *testing.T, file string, size int64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

func newDisk(t *testing.T, size int64) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	makeDisk(t, file, size)
	return file
}

// arguments are QEMU's for what the tool has no flags for: a microvm whose console is standard
// output.
func arguments(image string, disk []string, args ...string) []string {
	a := []string{"-M", "microvm,auto-kernel-cmdline=off", "-accel", "tcg", "-cpu", "max", "-nodefaults", "-no-user-config",
		"-display", "none", "-no-reboot", "-monitor", "none", "-m", "256M", "-serial", "stdio",
		"-global", "virtio-mmio.force-legacy=false"}
	a = append(a, disk...)
	return append(a, "-kernel", image, "-append", "console=pipe quiet -- "+strings.Join(args, " "))
}

// run is a run in QEMU with a disk of these flags; the exit code is not known.
func run(t *testing.T, disk []string, args ...string) string {
	t.Helper()
	p := machine.Build(t, program)
	r := machine.Exec(t, append([]string{qemu}, arguments(p.Image, disk, args...)...), machine.Options{})
	return r.Output
}

// fileDisk is a disk in a file with further properties of the device.
func fileDisk(file, properties string) []string {
	return []string{"-blockdev", "driver=raw,node-name=disk0,discard=unmap,file.driver=file,file.discard=unmap,file.filename=" + file,
		"-device", "virtio-blk-device,drive=disk0" + properties}
}

func eachMachine(t *testing.T, f func(t *testing.T, target string)) {
	machine.EachTarget(t, func(t *testing.T, target string) {
		if target == "xen" {
			t.Skip("tests/xen has Xen's disks")
		}
		f(t, target)
	})
}

func withDisk(file string, args ...string) machine.Options {
	return machine.Options{Flags: []string{"--disk", file}, Args: args, Limit: 5 * time.Minute}
}

func expect(t *testing.T, r machine.Result, want string) {
	t.Helper()
	if r.Code != 0 || r.Output != want {
		t.Errorf("exit code %d, output:\n%s\nexpected:\n%s", r.Code, r.Output, want)
	}
}

// loop makes a loop device of a new file.
func loop(t *testing.T, size int64, sector string) string {
	t.Helper()
	out, err := exec.Command("losetup", "--find", "--show", "--sector-size", sector, newDisk(t, size)).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device can be had here: %s", out)
	}
	dev := strings.TrimSpace(string(out))
	t.Cleanup(func() { exec.Command("losetup", "--detach", dev).Run() })
	return dev
}

func TestCallsAnswerAsOnLinux(t *testing.T) {
	p := machine.Build(t, program)
	native := p.RunNative(t, machine.Options{Args: []string{"probe", loop(t, 16*mib, "512")}})
	eachMachine(t, func(t *testing.T, target string) {
		r := p.Run(t, target, withDisk(newDisk(t, 16*mib), "probe", "/dev/vda"))
		if d := machine.Diff(native.Output, r.Output); d != "" || r.Code != 0 {
			t.Errorf("exit code %d, not as on a loop device:\n%s", r.Code, d)
		}
	})
}

func TestCallsAnswerAsOnLinuxWith4KSectors(t *testing.T) {
	p := machine.Build(t, program)
	native := p.RunNative(t, machine.Options{Args: []string{"probe", loop(t, 16*mib, "4096")}})
	got := run(t, fileDisk(newDisk(t, 16*mib), ",logical_block_size=4096,physical_block_size=4096"), "probe", "/dev/vda")
	if d := machine.Diff(native.Output, got); d != "" {
		t.Errorf("not as on a loop device:\n%s", d)
	}
}

func TestTransfers(t *testing.T) {
	p := machine.Build(t, program)
	eachMachine(t, func(t *testing.T, target string) {
		expect(t, p.Run(t, target, withDisk(newDisk(t, 8*mib), "check", "/dev/vda", "1")), "ok\n")
	})
}

// Rings, sectors and limits of any kind.
func TestTransfersOnOddDevices(t *testing.T) {
	for name, properties := range map[string]string{
		"4K sectors":      ",logical_block_size=4096,physical_block_size=4096",
		"plain ring":      ",indirect_desc=off,event_idx=off",
		"tiny ring":       ",queue-size=4,seg-max-adjust=on",
		"direct ring":     ",queue-size=16,indirect_desc=off,seg-max-adjust=on",
		"several rings":   ",num-queues=3",
		"write through":   ",write-cache=off",
		"without extras":  ",discard=off,write-zeroes=off,config-wce=off",
		"physical of 16K": ",physical_block_size=16384,min_io_size=16384,opt_io_size=65536",
	} {
		t.Run(name, func(t *testing.T) {
			if out := run(t, fileDisk(newDisk(t, 8*mib), properties), "check", "/dev/vda", "2"); out != "ok\n" {
				t.Errorf("output:\n%s", out)
			}
		})
	}
}

func TestTransfersWithLittleMemory(t *testing.T) {
	p := machine.Build(t, program)
	o := withDisk(newDisk(t, 8*mib), "check", "/dev/vda", "3")
	o.Memory = 24
	expect(t, p.Run(t, "microvm", o), "ok\n")
}

func hashOf(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x\n", sha256.Sum256(data))
}

func TestHostSeesWhatWasWritten(t *testing.T) {
	p := machine.Build(t, program)
	file := newDisk(t, 24*mib)
	r := p.Run(t, "microvm", withDisk(file, "fill", "/dev/vda", fmt.Sprint(24*mib), "7"))
	expect(t, r, hashOf(t, file))
	expect(t, p.Run(t, "q35", withDisk(file+":ro", "hash", "/dev/vda", fmt.Sprint(24*mib))), r.Output)
}

func TestLargeDisk(t *testing.T) {
	p := machine.Build(t, program)
	const size = 3 << 40
	file := newDisk(t, size)
	expect(t, p.Run(t, "microvm", withDisk(file, "tail", "/dev/vda")), fmt.Sprintf("size %d\nfar away\n", int64(size)))
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, 8)
	if _, err := f.ReadAt(got, size-8); err != nil || string(got) != "far away" {
		t.Errorf("the host reads %q, %v", got, err)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	p := machine.Build(t, program)
	file := newDisk(t, mib)
	before := hashOf(t, file)
	r := p.Run(t, "microvm", withDisk(file+":ro", "errors", "/dev/vda"))
	if !strings.Contains(r.Output, "write 0: operation not permitted\n") || !strings.Contains(r.Output, "read all: 65536 ok\n") {
		t.Errorf("output:\n%s", r.Output)
	}
	if hashOf(t, file) != before {
		t.Error("the disk has changed")
	}
}

// blkdebug fails requests that touch certain sectors.
func TestBadSectors(t *testing.T) {
	sector := map[string]string{"read": ",file.inject-error.0.sector=10", "write": ",file.inject-error.0.sector=10"}
	disk := func(kind string) []string {
		return []string{"-blockdev", "driver=raw,node-name=disk0,file.driver=blkdebug,file.image.driver=file,file.image.filename=" + newDisk(t, mib) +
			",file.inject-error.0.event=none,file.inject-error.0.errno=5,file.inject-error.0.iotype=" + kind + sector[kind],
			"-device", "virtio-blk-device,drive=disk0,rerror=report,werror=report"}
	}
	for kind, want := range map[string][]string{
		"read":  {"^read 10: input/output error\nread all: 0 input/output error\nwrite all: 65536 ok\nwrite at 300: 700 ok\nsync: ok\n$"},
		"write": {"^write 10: input/output error\nread all: 65536 ok\nwrite all: 0 input/output error\nwrite at 300: 700 ok\nsync: ok\n$"},
		"flush": {"sync: input/output error\n$"},
	} {
		out := run(t, disk(kind), "errors", "/dev/vda")
		for _, w := range want {
			if !regexp.MustCompile(w).MatchString(out) {
				t.Errorf("%s errors: output:\n%s\nexpected to match %s", kind, out, w)
			}
		}
	}
}

func TestSizeChangesWhileOpen(t *testing.T) {
	p := machine.Build(t, program)
	file := newDisk(t, 4*mib)
	socket := filepath.Join(t.TempDir(), "qmp")
	disk := append(fileDisk(file, ""), "-qmp", "unix:"+socket+",server=on,wait=off")
	o := machine.Options{Steps: []machine.Step{{Wait: regexp.MustCompile("size 4194304")}}, Reached: func() {
		if err := resize(socket, 6*mib); err != nil {
			t.Error(err)
		}
	}}
	// Standard input is closed after the last step, which QEMU does not mind.
	r := machine.Exec(t, append([]string{qemu}, arguments(p.Image, disk, "size", "/dev/vda")...), o)
	if !strings.Contains(r.Output, "size 6291456\nwrite at the end: ok\n") {
		t.Errorf("output:\n%s", r.Output)
	}
	data, _ := os.ReadFile(file)
	if len(data) != 6*mib || string(data[6*mib-7:]) != "new end" {
		t.Errorf("the host's file has %d bytes", len(data))
	}
}

// resize tells QEMU that the disk has grown.
func resize(socket string, size int64) error {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer c.Close()
	answers := bufio.NewScanner(c)
	answers.Scan() // the greeting
	for _, command := range []map[string]any{
		{"execute": "qmp_capabilities"},
		{"execute": "block_resize", "arguments": map[string]any{"node-name": "disk0", "size": size}},
	} {
		if err := json.NewEncoder(c).Encode(command); err != nil {
			return err
		}
		for answers.Scan() && !strings.Contains(answers.Text(), `"return"`) {
			if strings.Contains(answers.Text(), `"error"`) {
				return fmt.Errorf("QEMU: %s", answers.Text())
			}
		}
	}
	return nil
}

func TestSysAndProc(t *testing.T) {
	p := machine.Build(t, program)
	eachMachine(t, func(t *testing.T, target string) {
		file, second := newDisk(t, 4*mib), newDisk(t, 512)
		o := withDisk(file, "info", "/dev/vda")
		o.Flags = append(o.Flags, "--disk", second+":ro")
		expect(t, p.Run(t, target, o), `size: 8192
ro: 0
dev: 254:0
removable: 0
serial: disk0
alignment_offset: 0
queue/logical_block_size: 512
queue/physical_block_size: 512
queue/minimum_io_size: 512
queue/optimal_io_size: 0
queue/write_cache: write back
queue/discard_granularity: 512
queue/rotational: 1
major minor  #blocks  name

 254        0       4096 vda
 254       16          0 vdb
reads 1 sectors 1 writes 1 sectors 16 flushes 1
`)
	})
}

func TestBadDisksAreExplained(t *testing.T) {
	dir := t.TempDir()
	p := machine.Build(t, program)
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := newDisk(t, mib)
	for _, c := range []struct{ disk, want string }{
		{filepath.Join(dir, "missing"), "there is no such file"},
		{dir, "this is a directory"},
		{write("empty", ""), "it is empty"},
		{write("odd", strings.Repeat("x", 700)), "700 bytes are no whole sectors"},
		{write("qcow", "QFI\xfb"+strings.Repeat("x", 508)), "this is a qcow2 image"},
		{"/dev/null", "neither a file nor a block device"},
		{":ro", "a file is needed"},
	} {
		r := p.Run(t, "microvm", withDisk(c.disk, "hash", "/dev/vda", "512"))
		if r.Code != 125 || !strings.Contains(r.Output, c.want) || strings.Count(r.Output, "\n") != 1 {
			t.Errorf("--disk %s: exit code %d, output:\n%s", c.disk, r.Code, r.Output)
		}
	}
	o := withDisk(good, "hash", "/dev/vda", "512")
	o.Flags = append(o.Flags, "--disk", good)
	if r := p.Run(t, "microvm", o); r.Code != 125 || !strings.Contains(r.Output, "has this disk already") {
		t.Errorf("the same disk twice: exit code %d, output:\n%s", r.Code, r.Output)
	}
}

func TestDiskInUse(t *testing.T) {
	p := machine.Build(t, program)
	file := newDisk(t, mib)
	c := machine.Command("microvm", p.Image, withDisk(file, "size", "/dev/vda"))
	first := exec.Command(c[0], c[1:]...)
	out, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(time.Minute, func() { first.Process.Kill() })
	defer limit.Stop()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "size 1048576" {
		t.Errorf("the first machine says %q", lines.Text())
	}
	r := p.Run(t, "microvm", withDisk(file, "hash", "/dev/vda", "512"))
	if r.Code != 125 || !strings.Contains(r.Output, "--disk "+file+": another machine uses this disk") {
		t.Errorf("exit code %d, output:\n%s", r.Code, r.Output)
	}
	first.Process.Signal(os.Interrupt)
	first.Wait()
	two := newDisk(t, mib)
	o := withDisk(two+":ro", "hash", "/dev/vda", "512")
	o.Flags = append(o.Flags, "--disk", two+":ro")
	if r := p.Run(t, "microvm", o); r.Code != 0 {
		t.Errorf("twice read-only: exit code %d, output:\n%s", r.Code, r.Output)
	}
}
