// echo answers each line read from the console until the end of input (Ctrl-D).
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// reverse returns s with its characters in the opposite order.
func reverse(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

func main() {
	fmt.Println("Type a line and press Enter. Ctrl-D at the start of a line ends.")
	lines, words := 0, 0
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		lines++
		words += len(strings.Fields(in.Text()))
		fmt.Printf("%d: %s | %s\n", lines, strings.ToUpper(in.Text()), reverse(in.Text()))
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
	fmt.Printf("%d lines, %d words. Goodbye.\n", lines, words)
}
