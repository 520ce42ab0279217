// Package guest is what the measured programs do differently as /init of a Linux guest: such a
// program may not return, it has to end the machine.
package guest

import (
	"os"
	"syscall"
)

// Off resets the machine if this program is /init of a Linux guest (the runner puts BENCH_LINUX on
// that guest's command line, which becomes the environment). QEMU's -no-reboot makes it an exit.
func Off() {
	if os.Getenv("BENCH_LINUX") != "" {
		syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART)
	}
}
