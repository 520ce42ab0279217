package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"unigornel/bench/measure"
)

// guest is one thing that runs the measured programs.
type guest struct {
	name string
	// command starts program in a machine of mib MiB with env (KEY=VALUE) set for it.
	command func(program string, mib int, env []string) []string
}

// outcome of one run: what the program printed and when the first of it came.
type outcome struct {
	output string
	first  time.Duration // to the first line that holds the marker
	ok     bool          // the marker was seen
}

// run starts the command and reads its output until the line that holds last.
func (g *guest) run(program string, mib int, env []string, first, last string, limit time.Duration) outcome {
	measure.Warm(mib)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := g.command(program, mib, env)
	cmd := exec.CommandContext(ctx, c[0], c[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = nil
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		fatal(err)
	}
	stop := time.AfterFunc(limit, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer stop.Stop()
	var o outcome
	var text bytes.Buffer
	in := bufio.NewReader(pipe)
	for {
		line, err := in.ReadString('\n')
		text.WriteString(line)
		if o.first == 0 && strings.Contains(line, first) {
			o.first = time.Since(start)
		}
		if strings.Contains(line, last) {
			o.ok = true
			break
		}
		if err != nil {
			break
		}
	}
	io.Copy(io.Discard, in)
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	cmd.Wait()
	o.output = text.String()
	return o
}

// unigornel runs the image that the tool built, through the tool.
func unigornel(images string) *guest {
	return &guest{"unigornel", func(program string, mib int, env []string) []string {
		var flags []string
		for _, e := range env {
			flags = append(flags, "-e", e)
		}
		return measure.Unigornel(root, filepath.Join(images, program), mib, flags...)
	}}
}

// linux runs the program as /init of a Linux kernel.
func linux(l measure.Linux, initrds string, khz uint64) *guest {
	return &guest{l.Name, func(program string, mib int, env []string) []string {
		return l.QEMU(filepath.Join(initrds, program+".cpio"), mib, khz, env)
	}}
}
