package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// OldestGo finds the GOROOT of a Go 1.19: Debian's package golang-1.19, or one that the module proxy
// serves. That one is copied out of the module cache, where go 1.19 cannot build.
func OldestGo(t *testing.T) string {
	t.Helper()
	const debian, version = "/usr/lib/go-1.19", "go1.19.13"
	if _, err := os.Stat(debian + "/bin/go"); err == nil {
		return debian
	}
	copied := filepath.Join(Root(), "build", "tests", version)
	if _, err := os.Stat(copied + "/bin/go"); err == nil {
		return copied
	}
	fetch := exec.Command("go", "env", "GOROOT", "GOVERSION")
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "GOROOT=") {
			fetch.Env = append(fetch.Env, e)
		}
	}
	fetch.Env = append(fetch.Env, "GOTOOLCHAIN="+version)
	out, err := fetch.Output() // what it says of the download goes to stderr
	words := strings.Fields(string(out))
	if err != nil || len(words) != 2 || words[1] != version {
		t.Skipf("no Go 1.19 here, and the module proxy serves none: %s", out)
	}
	script := `cp -r "$1" "$2.part" && chmod -R u+w "$2.part" && mv "$2.part" "$2"`
	if err := os.MkdirAll(filepath.Dir(copied), 0o777); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", script, "sh", words[0], copied).CombinedOutput(); err != nil {
		t.Fatalf("copying %s: %v\n%s", words[0], err, out)
	}
	return copied
}
