package tool

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// labArguments returns what the Xen lab is started with.
func labArguments(t *testing.T, elf string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	lab, file := filepath.Join(dir, "lab"), filepath.Join(dir, "arguments")
	if err := os.WriteFile(lab, []byte("#!/bin/sh\necho \"$*\" >"+file+"\nexit 1\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	run(t, call{env: []string{"UNIGORNEL_XENLAB=" + lab}, args: append(append([]string{"run", "--hypervisor", "xen"}, flags...), elf)})
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func blankDisk(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	write(t, path, "")
	if err := os.Truncate(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestXenLabGetsNetworkAndDisks(t *testing.T) {
	hello, server, disk := image(t), serverImage(t), blankDisk(t)
	for _, c := range []struct {
		elf, flags string
		has, not   []string
	}{
		{hello, "", nil, []string{"--vif", "--fwd", "--disk"}},
		{server, "", []string{"--vif= ", "ip=eth0:10.0.2.15/24"}, []string{"--fwd", "--tap"}},
		{server, "--net none", nil, []string{"--vif"}},
		{server, "-p 127.0.0.1:18080:80 -p 127.0.0.1:18053:53/udp", []string{"--vif=", "--fwd 127.0.0.1:18080:80", "--fwd 127.0.0.1:18053:53/udp"}, nil},
		{server, "--net bridge=xenbr1 --mac 00:16:3e:00:00:01 --ip 10.9.9.2/24", []string{"--vif=mac=00:16:3e:00:00:01,bridge=xenbr1", "ip=eth0:10.9.9.2/24"}, nil},
		{server, "--net tap=tap7", []string{"--vif= ", "--tap tap7"}, nil},
		{server, "--raw", []string{"--vif=", "net=eth0:raw"}, nil},
		{hello, "--disk " + disk + ":ro", []string{"--disk " + disk + ":ro"}, []string{"--vif"}},
	} {
		got := labArguments(t, c.elf, strings.Fields(c.flags)...)
		for _, want := range c.has {
			if !strings.Contains(got, want) {
				t.Errorf("%q: %q is not in: %s", c.flags, want, got)
			}
		}
		for _, not := range c.not {
			if strings.Contains(got, not) {
				t.Errorf("%q: %q is in: %s", c.flags, not, got)
			}
		}
	}
}

func TestXenRefusesWhatItHasNot(t *testing.T) {
	server := serverImage(t)
	refuses(t, call{args: []string{"run", "--net", "bridge=xenbr0", server}}, "bridge", "--hypervisor xen", "tap")
	for _, c := range []struct{ flags, word string }{
		{"--net user", "bridge="}, {"--net tap=tap0", "bridge="}, {"-p 8080:80", "-p 8080:80"}, {"--pcap /tmp/x", "tcpdump"},
		{"--timeout 3s", "--timeout"}, {"--gdb", "--gdb"}, {"--net bridge=a,b", "bridge"},
	} {
		refuses(t, call{args: append(append([]string{"xl-config"}, strings.Fields(c.flags)...), server)}, c.word)
	}
	lab := []string{"UNIGORNEL_XENLAB=/bin/true"}
	for _, flags := range []string{"--net user --net user", "--net user --net tap=tap0", "--ip 10.7.7.7/24 --net user --ip 10.7.7.7/24"} {
		args := append(append([]string{"run", "--hypervisor", "xen"}, strings.Fields(flags)...), server)
		refuses(t, call{env: lab, args: args}, "--net")
	}
}

func TestXLConfig(t *testing.T) {
	hello, server, disk := image(t), serverImage(t), blankDisk(t)
	r := succeeds(t, call{args: []string{"xl-config", "-m", "64M", "-e", "GOGC=50", "--net", "bridge=br7", "--mac", "00:16:3e:01:02:03",
		"--disk", disk, "--disk", blankDisk(t) + ":ro", server, "--", "-listen", ":80"}})
	for _, want := range []string{`(?m)^name = "server"$`, `(?m)^type = "pvh"$`, `(?m)^kernel = "` + regexp.QuoteMeta(server) + `"$`,
		`(?m)^memory = 64$`, `(?m)^cmdline = ".*env=GOGC=50.* -- -listen :80"$`, `(?m)^vif = \[ "mac=00:16:3e:01:02:03,bridge=br7" \]$`,
		`vdev=xvda, access=rw, target=` + regexp.QuoteMeta(disk) + `"`, `vdev=xvdb, access=ro`, `(?m)^#`, `(?m)^on_poweroff = `} {
		if !regexp.MustCompile(want).MatchString(r.out) {
			t.Errorf("%s is not in:\n%s", want, r.out)
		}
	}
	r = succeeds(t, call{args: []string{"xl-config", hello}})
	if regexp.MustCompile(`(?m)^(vif|disk|ramdisk)`).MatchString(r.out) || strings.Contains(r.out, "exit=console") {
		t.Errorf("hello has devices:\n%s", r.out)
	}
	dir := t.TempDir()
	refuses(t, call{args: []string{"xl-config", "--files", dir, hello}}, "-o")
	succeeds(t, call{dir: dir, args: []string{"xl-config", "-o", "hello.cfg", "--files", dir, hello}})
	text, err := os.ReadFile(filepath.Join(dir, "hello.cfg"))
	if err != nil || !strings.Contains(string(text), `ramdisk = "`+filepath.Join(dir, "hello.cfg.cpio")+`"`) {
		t.Errorf("%v\n%s", err, text)
	}
	refuses(t, call{args: []string{"xl-config"}}, "image")
	refuses(t, call{args: []string{"xl-config", "/bin/sh"}}, "not an image")
	refuses(t, call{dir: helloModule(t), args: []string{"xl-config", "."}}, "unigornel build")
}

func TestDoctorOfImages(t *testing.T) {
	hello, server := image(t), serverImage(t)
	r := succeeds(t, call{args: []string{"doctor", hello, server}})
	for _, want := range []string{hello, server, "no sockets", "uses it", "go1.", "PVH", "netfront, blkfront", "net, blk, rng", "MiB", "none packed"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in:\n%s", want, r.out)
		}
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "some text")
	packed := filepath.Join(dir, "packed.elf")
	succeeds(t, call{dir: helloModule(t), args: []string{"build", "--files", dir, "-o", packed}})
	if r := succeeds(t, call{args: []string{"doctor", packed}}); !strings.Contains(r.out, "1 packed") {
		t.Errorf("packed files:\n%s", r.out)
	}
	refuses(t, call{args: []string{"doctor", "/bin/sh"}}, "/bin/sh", "not an image")
	refuses(t, call{args: []string{"doctor", filepath.Join(dir, "a")}}, "no ELF file")
	refuses(t, call{args: []string{"doctor", "/no/such/file"}}, "/no/such/file")
	whole, err := os.ReadFile(hello)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{20, 3000, len(whole) / 2, len(whole) - 100} {
		cut := filepath.Join(dir, "cut.elf")
		write(t, cut, string(whole[:n]))
		refuses(t, call{args: []string{"doctor", cut}}, "cut.elf")
	}
}
