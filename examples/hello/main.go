// hello prints one line. It is the smallest thing to boot:
//
//	unigornel run ./hello
package main

import "fmt"

func main() {
	fmt.Println("Hello from Go!")
}
