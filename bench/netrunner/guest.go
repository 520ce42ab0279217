package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"unigornel/bench/loads"
	"unigornel/bench/measure"
)

const (
	tapName = "tap-bench"
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
		return measure.Unigornel(root, image, mib, "--net", "tap="+tapName, "--mac", mac, "--ip", loads.Address+"/24")
	}}
}

// linux runs the program as /init of a Linux kernel, with the same devices.
func linux(l measure.Linux, initrd string, khz uint64) *guest {
	return &guest{l.Name, func(mib int) []string {
		return l.QEMU(initrd, mib, khz, nil, "-global", "virtio-mmio.force-legacy=false",
			"-netdev", "tap,id=n0,ifname="+tapName+",script=no,downscript=no", "-device", "virtio-net-device,netdev=n0,mac="+mac)
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
	for !loads.Answers(patience) {
		if time.Since(begin) > 30*time.Second {
			m.stop()
			return nil, fmt.Errorf("%s does not answer; it printed:\n%s", g.name, m.output)
		}
		time.Sleep(time.Millisecond)
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
	total, _ := measure.CPU(m.qemu)
	return total
}
