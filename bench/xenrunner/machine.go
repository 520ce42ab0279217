package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"unigornel/bench/measure"
)

// machine is the lab: Xen and dom0 in a QEMU, whose agent (bench/xen/agent) does as it is told.
type machine struct {
	cmd *exec.Cmd
	dir string
	in  io.WriteCloser
	out *bufio.Reader
}

// start starts the lab with files in its /guests.
func start(files []measure.File) (*machine, error) {
	dir, err := os.MkdirTemp("", "bench-xen-")
	if err != nil {
		return nil, err
	}
	m := &machine{dir: dir}
	cpio := filepath.Join(dir, "cpio")
	if err := measure.Initrd(cpio, []string{"guests"}, files...); err != nil {
		return nil, err
	}
	archive, err := os.ReadFile(cpio)
	if err != nil {
		return nil, err
	}
	os.Remove(cpio)
	header := make([]byte, 4096)
	copy(header, fmt.Sprintf("XENLAB %d\n", len(archive)))
	disk := append(header, archive...)
	disk = append(disk, make([]byte, 4096-len(disk)%4096)...)
	if err := os.WriteFile(filepath.Join(dir, "payload"), disk, 0o600); err != nil {
		return nil, err
	}
	m.cmd = exec.Command(filepath.Join(root, "bench", "xen", "machine.sh"), dir, tapName)
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m.cmd.Stderr = os.Stderr
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if m.in, err = m.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	m.out = bufio.NewReader(out)
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	if _, status, err := m.answer(nil); err != nil || status != "ready" {
		m.stop()
		return nil, fmt.Errorf("dom0 does not come up: %v\n%s", err, m.log())
	}
	return m, nil
}

// answer reads what a command printed, and its status. Each line is shown to see, if there is one, as it comes.
func (m *machine) answer(see func(string)) (text, status string, err error) {
	watchdog := time.AfterFunc(3*time.Minute, m.stop)
	defer watchdog.Stop()
	var b bytes.Buffer
	for {
		line, err := m.out.ReadString('\n')
		if s := strings.TrimSpace(line); strings.HasPrefix(s, "@@ ") {
			return b.String(), s[3:], nil
		}
		if see != nil {
			see(line)
		}
		b.WriteString(line)
		if err != nil {
			return b.String(), "", fmt.Errorf("the lab's machine has gone: %w", err)
		}
	}
}

// run runs a command in dom0. A failure is the end of everything.
func (m *machine) run(format string, a ...any) string {
	return m.each(nil, format, a...)
}

// each is run that shows every line to see as it comes.
func (m *machine) each(see func(string), format string, a ...any) string {
	command := fmt.Sprintf(format, a...)
	if _, err := fmt.Fprintln(m.in, command); err != nil {
		fatal(err)
	}
	out, status, err := m.answer(see)
	if err != nil || status != "0" {
		text := fmt.Sprintf("%s: status %s, %v\n%s\n%s", command, status, err, out, m.log())
		m.stop()
		fatal(text)
	}
	return out
}

// log is the end of what Xen and dom0 said.
func (m *machine) log() string {
	b, _ := os.ReadFile(filepath.Join(m.dir, "xen.log"))
	if len(b) > 4000 {
		b = b[len(b)-4000:]
	}
	return string(b)
}

func (m *machine) stop() {
	m.cmd.Process.Kill()
	m.cmd.Wait()
	os.RemoveAll(m.dir)
}

// cpu is the CPU time that QEMU has used, in all of its threads; vcpu that of the thread which emulates the CPU.
func (m *machine) cpu() (total, vcpu time.Duration) { return measure.CPU(m.cmd.Process.Pid) }

// domainCPU is the CPU time of dom0 and of the guest by Xen's account, in seconds.
func (m *machine) domainCPU() (dom0, guest float64) {
	for _, line := range strings.Split(m.run("xl list"), "\n") {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		t, _ := strconv.ParseFloat(f[len(f)-1], 64)
		switch f[0] {
		case "Domain-0":
			dom0 = t
		case "guest":
			guest = t
		}
	}
	return dom0, guest
}
