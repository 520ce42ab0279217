package boot

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
)

// TestPowerButton presses the power button of QEMU's machines, without the tool: the program gets
// SIGTERM, and the machine is off in the end, although nothing tells QEMU to take a reset for that.
func TestPowerButton(t *testing.T) {
	p := machine.Build(t, "tests/xen/programs/life")
	for _, target := range []string{"microvm", "q35", "pc"} {
		target := target
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "power") // short, for the socket
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			serial, exit, monitor := filepath.Join(dir, "serial"), filepath.Join(dir, "exit"), filepath.Join(dir, "monitor")
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			kind := target
			if kind == "microvm" {
				kind += ",auto-kernel-cmdline=off"
			}
			cmd := exec.CommandContext(ctx, "qemu-system-x86_64", "-M", kind, "-accel", "tcg", "-cpu", "max", "-m", "64",
				"-nodefaults", "-no-user-config", "-display", "none", "-serial", "file:"+serial,
				"-chardev", "file,id=exit,path="+exit, "-device", "isa-debugcon,iobase=0xe9,chardev=exit",
				"-monitor", "unix:"+monitor+",server=on,wait=off", "-kernel", p.Image)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			said := func(path string) string {
				text, _ := os.ReadFile(path)
				return machine.Console(string(text))
			}
			for !strings.Contains(said(serial), "tick 0") || !strings.Contains(said(exit), "unigornel: button\n") {
				if ctx.Err() != nil {
					t.Fatalf("it has not started, or found no button:\n%s%s", said(serial), said(exit))
				}
				time.Sleep(50 * time.Millisecond)
			}
			c, err := net.Dial("unix", monitor)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Write([]byte("system_powerdown\n")); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("QEMU: %v", err)
			}
			if strings.Count(said(serial), "up\n") != 1 || !strings.Contains(said(serial), "got terminated\n") {
				t.Errorf("the program said:\n%s", said(serial))
			}
			if !strings.Contains(said(exit), "unigornel: exit 5\n") {
				t.Errorf("exit record: %q", said(exit))
			}
		})
	}
}
