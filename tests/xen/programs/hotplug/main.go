// hotplug tells what becomes of a disk that is taken away, given back or changed while it is used: a
// line for every change, of the file that it opened first ("held") and of one opened anew ("fresh").
//
//	hotplug DEV
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

func what(err error) string {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

// state is the device's size and the word at its start, or why there is none.
func state(f *os.File) string {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return "seek: " + what(err)
	}
	b := make([]byte, 512)
	if _, err := f.ReadAt(b, 0); err != nil {
		return "read: " + what(err)
	}
	word, _, _ := bytes.Cut(b, []byte{0})
	if _, err := f.WriteAt([]byte("seen "), 512); err != nil {
		return "write: " + what(err)
	}
	if err := f.Sync(); err != nil {
		return "sync: " + what(err)
	}
	return fmt.Sprintf("%d %q", size, word)
}

func fresh(dev string) string {
	f, err := os.OpenFile(dev, os.O_RDWR, 0)
	if err != nil {
		return "open: " + what(err)
	}
	defer f.Close()
	return state(f)
}

func main() {
	dev := os.Args[1]
	f, err := os.OpenFile(dev, os.O_RDWR, 0)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var held, anew string
	for anew != `1048576 "end"` {
		if s := fresh(dev); s != anew {
			anew = s
			fmt.Println("fresh", s)
		}
		// After the other: what that has come to in the end is said of this one too.
		if s := state(f); s != held {
			held = s
			fmt.Println("held", s)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
