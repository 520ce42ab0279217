// Package netns gives the tests of a package a network namespace of their own, and changes what is in it.
package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Main is for TestMain: it runs the tests again in a network namespace, which takes all its devices with it when it
// ends. Where none can be made, or no tap devices, it says so in the package's name, and no test runs.
func Main(m *testing.M, name string) {
	const inside = "UNIGORNEL_TESTS_NETNS"
	if os.Getenv(inside) == name {
		if err := IP("link set lo up"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if _, err := os.Stat("/dev/net/tun"); err != nil {
			fmt.Printf("%s needs tap devices, and this system has none: skipped: %v\n", name, err)
			return
		}
		os.Exit(m.Run())
	}
	if os.Getuid() != 0 {
		fmt.Printf("%s needs root, to make a network namespace and a tap device: skipped\n", name)
		return
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"="+name)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			fmt.Printf("%s may not make a network namespace here: skipped\n", name)
			return
		}
		fmt.Println(err)
		os.Exit(1)
	}
}

// IP runs ip(8) with these words.
func IP(arguments string) error {
	out, err := exec.Command("ip", strings.Fields(arguments)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %v: %s", arguments, err, out)
	}
	return nil
}

// MustIP runs ip(8) for each of the lines, which must succeed.
func MustIP(t *testing.T, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if err := IP(l); err != nil {
			t.Fatal(err)
		}
	}
}
