package xen

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"unigornel/tests/machine"
)

// A backend that writes indices beyond all requests into rings in use costs the guest the device, with a word of
// why; the program goes on.
func TestBackendThatLies(t *testing.T) {
	t.Parallel()
	liar := filepath.Join(t.TempDir(), "liar")
	source := filepath.Join(machine.Root(), "tests", "xen", "liar", "liar.c")
	if out, err := exec.Command("gcc", "-static", "-O2", "-o", liar, source).CombinedOutput(); err != nil {
		t.Fatalf("liar: %v\n%s", err, out)
	}
	g := startDisk(t, "tests/xen/programs/victim", []string{"--vif", "--disk", "blank:16M"}, "/dev/xvda", "60")
	g.match(`alive 1 failed (0)`)
	binary, err := os.Open(liar)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	// rsp_prod is the third word of every ring.
	out, code := g.shell(binary, `cat >/tmp/liar; chmod +x /tmp/liar
d=$(xl domid guest) p=/local/domain/$d/device
disk=$(xenstore-read $p/vbd/51712/ring-ref 2>/dev/null || xenstore-read $p/vbd/51712/ring-ref0)
/tmp/liar $d $disk 3 2 3000000000
/tmp/liar $d $(xenstore-read $p/vif/0/tx-ring-ref) 3 2 3000000000`)
	if code != 0 || strings.Count(out, "lied") != 2 {
		t.Fatalf("the liar in dom0: exit code %d\n%s", code, out)
	}
	out = g.succeeds()
	for _, want := range []string{"device/vbd/51712: more answers than requests",
		"device/vif/0: more answers than were asked for", "the end, failed true"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in the output:\n%s", want, out)
		}
	}
}
