package measure

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPU is the CPU time that a process has used in all of its threads, and in the busiest one: of QEMU, that which
// emulates the CPU.
func CPU(pid int) (total, busiest time.Duration) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, t := range tasks {
		b, _ := os.ReadFile(t)
		f := strings.Fields(string(b))
		if len(f) == 0 {
			continue
		}
		ns, _ := strconv.ParseInt(f[0], 10, 64)
		used := time.Duration(ns)
		total += used
		if used > busiest {
			busiest = used
		}
	}
	return total, busiest
}
