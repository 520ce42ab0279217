package measure

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build makes a program of bench/programs: an executable for Linux guests, to which alone the flags of go build apply,
// and an image. Root is the repository; both files come to lie in work.
func Build(root, work, program string, flags ...string) (native, image string, err error) {
	native, image = filepath.Join(work, program+".native"), filepath.Join(work, program)
	for _, c := range [][]string{
		append(append([]string{"go", "build"}, flags...), "-o", native, "."),
		{filepath.Join(root, "build", "unigornel"), "build", "-o", image, "."},
	} {
		cmd := exec.Command(c[0], c[1:]...)
		cmd.Dir = filepath.Join(root, "bench", "programs", program)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", "", fmt.Errorf("%s: %v\n%s", strings.Join(c, " "), err, out)
		}
	}
	return native, image, nil
}
