package xen_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
)

// The tool in dom0, where its users have it: with the libraries of this system and its loader.
const tool = "/tool/ld.so --library-path /tool /tool/unigornel"

// install puts the tool and these images into dom0.
func install(t *testing.T, dir string, images map[string]string) {
	t.Helper()
	files := map[string]string{"unigornel": machine.Tool()}
	out, err := exec.Command("ldd", machine.Tool()).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(\S+) (?:=> (\S+) )?\(0x`).FindAllStringSubmatch(string(out), -1) {
		switch {
		case m[2] != "":
			files[filepath.Base(m[1])] = m[2]
		case strings.Contains(m[1], "ld-linux"):
			files["ld.so"] = m[1]
		}
	}
	for name, path := range images {
		files[name] = path
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w.WriteHeader(&tar.Header{Name: "tool/" + name, Mode: 0o755, Size: int64(len(data))})
		w.Write(data)
	}
	w.Close()
	cmd := exec.Command(lab, "exec", dir, "tar", "-x", "-C", "/")
	cmd.Stdin = &archive
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// inDom0 runs a line of shell there with input; its output and exit code.
func inDom0(t *testing.T, dir, input, line string) (string, int) {
	t.Helper()
	cmd := exec.Command(lab, "exec", dir, "sh", "-c", line)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return machine.Console(string(out)), cmd.ProcessState.ExitCode()
}

func noDomains(t *testing.T, dir string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Second) {
		list := dom0(t, dir, "xl", "list")
		if !strings.Contains(list, "unigornel-") {
			return
		}
		if time.Now().After(end) {
			t.Errorf("a domain is left:\n%s", list)
			return
		}
	}
}

// What a user of Xen does, with xl and nothing of the lab between: input, output and exit codes, a vif and a disk,
// Ctrl-C, and xl with the configuration that the tool prints.
func TestToolOnXenHost(t *testing.T) {
	outer(t)
	disk, dir := filepath.Join(t.TempDir(), "disk"), filepath.Join(t.TempDir(), "run")
	if err := os.WriteFile(disk, make([]byte, 2*mib), 0o666); err != nil {
		t.Fatal(err)
	}
	start(t, lab, "run", "--dir", dir, "--hold", "--tap", tap, "--spare", disk, "--timeout", "1200")
	// The run's directory is there before the first command is.
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "xen.log")); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the run does not start")
		}
	}
	install(t, dir, map[string]string{
		"echo.elf":   machine.Build(t, "examples/echo").Image,
		"behave.elf": machine.Build(t, "tests/boot/programs/behave").Image,
		"load.elf":   machine.Build(t, "tests/xen/programs/load").Image,
	})
	if out, code := inDom0(t, dir, "one\ntwo\n", tool+" run --hypervisor xen /tool/echo.elf"); code != 0 || !strings.Contains(out, "2: TWO | owt") {
		t.Errorf("echo: exit code %d:\n%s", code, out)
	}
	if out, code := inDom0(t, dir, "", tool+" run --hypervisor xen -m 32M /tool/behave.elf -- exit7"); code != 7 {
		t.Errorf("behave: exit code %d, wanted 7:\n%s", code, out)
	}
	noDomains(t, dir)

	type end struct {
		out  string
		code int
	}
	ended := make(chan end, 1)
	go func() {
		out, code := inDom0(t, dir, "", "echo $$ >/run/tool-pid; exec "+tool+" run --hypervisor xen -m 64M --net bridge=xenbr0 --mac "+guestMAC+
			" --ip "+guest4+"/24 --disk /dev/vdb /tool/load.elf")
		ended <- end{out, code}
	}()
	url := "http://" + guest4 + ":8080"
	for limit := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := get(url+"/", 5*time.Second); err == nil {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("the machine does not answer")
		}
	}
	if got, err := get(fmt.Sprintf("%s/disk?path=/dev/xvda&n=%d&chunk=%d", url, mib, mib/4), time.Minute); err != nil || got != sumOf(mib)+"\n" {
		t.Errorf("the disk: %q, %v", got, err)
	}
	dom0(t, dir, "sh", "-c", "kill -INT $(cat /run/tool-pid)")
	select {
	case e := <-ended:
		if e.code != 130 {
			t.Errorf("after Ctrl-C: exit code %d, wanted 130:\n%s", e.code, e.out)
		}
	case <-time.After(time.Minute):
		t.Error("Ctrl-C does not end the machine")
	}
	noDomains(t, dir)

	out, code := inDom0(t, dir, "", tool+" xl-config -m 64M --disk /dev/vdb:ro -e GREETING=hi /tool/echo.elf >/run/echo.cfg && xl create -q /run/echo.cfg && "+
		"xl list echo && xl destroy echo")
	if code != 0 || !regexp.MustCompile(`(?m)^echo +\d+ +6[34] `).MatchString(out) {
		t.Errorf("xl create with what xl-config prints: exit code %d:\n%s", code, out)
	}
	if out, err := exec.Command(lab, "end", dir).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
