package measure

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// File is one file of an Initrd: the name in it, and where it comes from.
type File struct{ Name, Path string }

// Initrd writes a cpio archive ("newc", cpio(5)) of files, each executable, and of the folders dirs to the file to.
func Initrd(to string, dirs []string, files ...File) error {
	var b bytes.Buffer
	entry := func(name string, mode, size int) {
		fmt.Fprintf(&b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 0, mode, 0, 0, 1, time.Now().Unix(), size, 0, 0, 0, 0, len(name)+1, 0)
		b.WriteString(name + "\x00")
		pad(&b)
	}
	for _, d := range dirs {
		entry(d, 0o040755, 0)
	}
	for _, f := range files {
		data, err := os.ReadFile(f.Path)
		if err != nil {
			return err
		}
		entry(f.Name, 0o100755, len(data))
		b.Write(data)
		pad(&b)
	}
	entry("TRAILER!!!", 0, 0)
	return os.WriteFile(to, b.Bytes(), 0o644)
}

func pad(b *bytes.Buffer) {
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}
