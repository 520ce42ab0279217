// hello prints one line and ends. The time to that line is the boot time a user sees.
package main

import (
	"os"

	"unigornel/bench/guest"
)

func main() {
	os.Stdout.WriteString("BENCH-HELLO\n")
	guest.Off()
}
