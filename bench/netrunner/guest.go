package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"unigornel/bench/loads"
	"unigornel/bench/measure"
)

const (
	tapName = "tap-bench"
	address = loads.Address
	mac     = "52:54:00:77:00:02"
)

// guest is one thing that runs the measured program.
type guest struct {
	name    string
	command func(mib int) []string
}

// unigornel runs the image that the tool built, through the tool.
func unigornel(image string) *guest {
	return &guest{"unigornel", func(mib int) []string {
		return []string{filepath.Join(root, "build", "unigornel"), "run", "--machine", "microvm", "--accel", "tcg",
			"-m", fmt.Sprintf("%dM", mib), "--smp", "1", "--net", "tap=" + tapName, "--mac", mac, "--ip", address + "/24", image}
	}}
}

// linux runs the program as /init of a Linux kernel, in the same machine with the same devices.
func linux(name, kernel, initrd string, khz uint64) *guest {
	return &guest{name, func(mib int) []string {
		append_ := fmt.Sprintf("console=ttyS0 quiet mitigations=off panic=-1 tsc_early_khz=%d BENCH_LINUX=1", khz)
		return []string{"qemu-system-x86_64", "-M", "microvm", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1",
			"-m", fmt.Sprint(mib), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
			"-global", "virtio-mmio.force-legacy=false",
			"-netdev", "tap,id=n0,ifname=" + tapName + ",script=no,downscript=no",
			"-device", "virtio-net-device,netdev=n0,mac=" + mac,
			"-kernel", kernel, "-initrd", initrd, "-append", append_}
	}}
}

// machine is a running guest.
type machine struct {
	cmd    *exec.Cmd
	output *bytes.Buffer
	qemu   int           // QEMU's process
	first  time.Duration // from the start of the command to the first HTTP response
}

// start boots g and waits for its first HTTP response.
func (g *guest) start(mib int) (*machine, error) {
	measure.Warm(mib)
	c := g.command(mib)
	m := &machine{cmd: exec.Command(c[0], c[1:]...), output: &bytes.Buffer{}}
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	m.cmd.Stdout, m.cmd.Stderr = m.output, m.output
	begin := time.Now()
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	for {
		if time.Since(begin) > 30*time.Second {
			m.stop()
			return nil, fmt.Errorf("%s does not answer; it printed:\n%s", g.name, m.output)
		}
		if answers() {
			break
		}
	}
	m.first = time.Since(begin)
	m.qemu = m.cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", m.qemu, m.qemu))
	for _, pid := range strings.Fields(string(children)) {
		if name, _ := os.ReadFile("/proc/" + pid + "/comm"); strings.HasPrefix(string(name), "qemu") {
			m.qemu, _ = strconv.Atoi(pid)
		}
	}
	return m, nil
}

// patience is how long a SYN may go unanswered: a lost one would only be sent again after a second.
var patience = 20 * time.Millisecond

// answers makes one HTTP request.
func answers() bool {
	c, err := net.DialTimeout("tcp4", address+":8080", patience)
	if err != nil {
		time.Sleep(time.Millisecond)
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	fmt.Fprintf(c, "GET / HTTP/1.0\r\n\r\n")
	b := make([]byte, 12)
	n, _ := c.Read(b)
	return strings.HasPrefix(string(b[:n]), "HTTP/1.")
}

func (m *machine) stop() {
	syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL)
	if m.qemu > 0 {
		syscall.Kill(m.qemu, syscall.SIGKILL)
	}
	m.cmd.Wait()
	// The tap is free when QEMU has gone.
	for i := 0; i < 200 && m.qemu > 0 && syscall.Kill(m.qemu, 0) == nil; i++ {
		time.Sleep(5 * time.Millisecond)
	}
}

// cpu is the CPU time that QEMU has used, in all of its threads.
func (m *machine) cpu() time.Duration {
	var total time.Duration
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", m.qemu))
	for _, t := range tasks {
		b, _ := os.ReadFile(t)
		if f := strings.Fields(string(b)); len(f) > 0 {
			ns, _ := strconv.ParseInt(f[0], 10, 64)
			total += time.Duration(ns)
		}
	}
	return total
}
