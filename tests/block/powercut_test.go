package block

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"unigornel/tests/block/logs"
	"unigornel/tests/machine"
)

// powerCuts is how often the power is cut: UNIGORNEL_POWERCUTS, or 50.
func powerCuts(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("UNIGORNEL_POWERCUTS")); err == nil {
		return n
	}
	return 50
}

// cut starts QEMU with the disk of these flags, lets the program write for a moment and kills QEMU.
// It returns the number of records that each log claims to have.
func cut(t *testing.T, disk []string, args ...string) (claimed [logs.Count]int) {
	t.Helper()
	p := machine.Build(t, "tests/block/programs/disk")
	cmd := exec.Command(qemu, arguments(p.Image, disk, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer limit.Stop()
	var said bytes.Buffer
	started := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var n, g int
		line := lines.Text()
		if m, err := fmt.Sscanf(line, "%d %d", &n, &g); m != 2 || err != nil || g >= logs.Count || len(line) > 9 {
			fmt.Fprintln(&said, line)
			continue
		}
		if n != claimed[g] {
			t.Fatalf("record %d of log %d is synced after record %d", n, g, claimed[g]-1)
		}
		claimed[g] = n + 1
		if !started {
			started = true
			time.AfterFunc(time.Duration(rand.Intn(300))*time.Millisecond, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait()
	if !started {
		t.Fatalf("no record was written:\n%s", said.String())
	}
	return claimed
}

// missing counts the claimed records that are not on the disk.
func missing(data []byte, seed int, claimed [logs.Count]int) (n int, first string) {
	for g := range claimed {
		for i := 0; i < claimed[g]; i++ {
			at := logs.At(g, i)
			if !bytes.Equal(data[at:at+logs.RecordSize], logs.Record(seed, g, i)) {
				if n == 0 {
					first = fmt.Sprintf("record %d of %d of log %d", i, claimed[g], g)
				}
				n++
			}
		}
	}
	return n, first
}

func total(claimed [logs.Count]int) (n int) {
	for _, c := range claimed {
		n += c
	}
	return n
}

// QEMU is killed, the host stays up: what QEMU has been given is in the host's hands.
func TestKilledQEMULosesNothingSynced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "disk")
	makeDisk(t, file, logs.Count*logs.Bytes)
	disk := []string{"-blockdev", "driver=raw,node-name=disk0,discard=unmap,cache.direct=off,cache.no-flush=off,file.driver=file,file.filename=" + file,
		"-device", "virtio-blk-device,drive=disk0"}
	all := 0
	for i := 0; i < powerCuts(t); i++ {
		claimed := cut(t, disk, "log", "/dev/vda", strconv.Itoa(i))
		all += total(claimed)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n, first := missing(data, i, claimed); n != 0 {
			t.Fatalf("kill %d: %d of %d synced records are lost, the first is %s", i, n, total(claimed), first)
		}
	}
	t.Logf("%d kills, %d records", powerCuts(t), all)
}

func cached(d *cachedDisk) []string {
	return []string{"-blockdev", "driver=nbd,node-name=disk0,server.type=unix,server.path=" + d.path, "-device", "virtio-blk-device,drive=disk0"}
}

// The power goes, and with it all that the disk has not been told to keep.
func TestPowerCutLosesNothingSynced(t *testing.T) {
	d := newCachedDisk(t, logs.Count*logs.Bytes)
	all, lost := 0, 0
	for i := 0; i < powerCuts(t); i++ {
		claimed := cut(t, cached(d), "log", "/dev/vda", strconv.Itoa(i))
		all += total(claimed)
		lost += d.powerCut()
		if n, first := missing(d.durable, i, claimed); n != 0 {
			t.Fatalf("power cut %d: %d of %d synced records are lost, the first is %s", i, n, total(claimed), first)
		}
	}
	t.Logf("%d power cuts, %d records synced by %d flushes; %d sectors that were not synced were lost", powerCuts(t), all, d.flushes, lost)
}

// The two tests above can fail: without Sync, records are lost.
func TestPowerCutLosesWhatIsNotSynced(t *testing.T) {
	d := newCachedDisk(t, logs.Count*logs.Bytes)
	for i := 0; i < 5; i++ {
		claimed := cut(t, cached(d), "log", "/dev/vda", strconv.Itoa(i), "nosync")
		d.powerCut()
		if n, _ := missing(d.durable, i, claimed); n != 0 {
			t.Logf("%d of %d records are lost", n, total(claimed))
			return
		}
	}
	t.Fatal("nothing was lost: the power cut does not cut")
}
