package xen

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
	"unigornel/tests/net/stream"
)

// The tool in dom0, where its users have it: with the libraries of this system and its loader.
const tool = "/tool/ld.so --library-path /tool /tool/unigornel"

// install puts the tool and these images into dom0.
func (r labRun) install(images map[string]string) {
	t := r.t
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
	if out, code := r.shell(&archive, "tar -x -C /"); code != 0 {
		t.Fatalf("tar: exit code %d\n%s", code, out)
	}
}

// noDomains demands that none of the tool's is left, a moment after its end.
func (r labRun) noDomains() {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Second) {
		list := r.xl("list")
		if !strings.Contains(list, "unigornel-") {
			return
		}
		if time.Now().After(end) {
			r.t.Errorf("a domain is left:\n%s", list)
			return
		}
	}
}

// What a user of Xen does, with xl and nothing of the lab between: input, output and exit codes, a vif and a disk,
// Ctrl-C, and xl with the configuration that the tool prints.
func TestToolOnXenHost(t *testing.T) {
	outer(t)
	r := inLab(t, "--hold", "--tap", tap, "--spare", diskFile(t, "disk", 2*mib, ""), "--timeout", "1200")
	r.Until("the run's directory is there", time.Minute, func() bool {
		_, err := os.Stat(filepath.Join(r.dir, "xen.log"))
		return err == nil
	})
	r.install(map[string]string{
		"echo.elf":   machine.Build(t, "examples/echo").Image,
		"behave.elf": machine.Build(t, "tests/boot/programs/behave").Image,
		"load.elf":   machine.Build(t, "tests/xen/programs/load").Image,
	})
	if out, code := r.shell(strings.NewReader("one\ntwo\n"), tool+" run --hypervisor xen /tool/echo.elf"); code != 0 || !strings.Contains(out, "2: TWO | owt") {
		t.Errorf("echo: exit code %d:\n%s", code, out)
	}
	if out, code := r.shell(nil, tool+" run --hypervisor xen -m 32M /tool/behave.elf -- exit7"); code != 7 {
		t.Errorf("behave: exit code %d, wanted 7:\n%s", code, out)
	}
	r.noDomains()

	type end struct {
		out  string
		code int
	}
	ended := make(chan end, 1)
	go func() {
		out, code := r.shell(nil, "echo $$ >/run/tool-pid; exec "+tool+" run --hypervisor xen -m 64M --net bridge=xenbr0 --mac "+guestMAC+
			" --ip "+guest4+"/24 --disk /dev/vdb /tool/load.elf")
		ended <- end{out, code}
	}()
	url := "http://" + guest4 + ":8080"
	r.answers(url + "/")
	if got, err := machine.Get(fmt.Sprintf("%s/disk?path=/dev/xvda&n=%d&chunk=%d", url, mib, mib/4), time.Minute); err != nil || got != stream.Sum(mib)+"\n" {
		t.Errorf("the disk: %q, %v", got, err)
	}
	r.dom0("sh", "-c", "kill -INT $(cat /run/tool-pid)")
	select {
	case e := <-ended:
		if e.code != 130 {
			t.Errorf("after Ctrl-C: exit code %d, wanted 130:\n%s", e.code, e.out)
		}
	case <-time.After(time.Minute):
		t.Error("Ctrl-C does not end the machine")
	}
	r.noDomains()

	out, code := r.shell(nil, tool+" xl-config -m 64M --disk /dev/vdb:ro -e GREETING=hi /tool/echo.elf >/run/echo.cfg && xl create -q /run/echo.cfg && "+
		"xl list echo && xl destroy echo")
	if code != 0 || !regexp.MustCompile(`(?m)^echo +\d+ +6[34] `).MatchString(out) {
		t.Errorf("xl create with what xl-config prints: exit code %d:\n%s", code, out)
	}
	r.end()
}
