package tool

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"unigornel/tests/machine"
)

const server = `package main

import "net/http"

func main() { panic(http.ListenAndServe(":80", nil)) }
`

const client = `package main

import "net/http"

func main() { http.Get("https://example.com") }
`

// serverImage builds a program that listens.
func serverImage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.elf")
	succeeds(t, call{dir: module(t, map[string]string{"main.go": server}), args: []string{"build", "-o", path}})
	return path
}

// networkImage builds the hello program with the network stack that it does not need.
func networkImage(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hello.elf")
	succeeds(t, call{dir: helloModule(t), args: []string{"build", "--network", "yes", "-o", path}})
	return path
}

func TestBadNetworkFlags(t *testing.T) {
	elf := networkImage(t)
	for _, c := range []struct {
		args  string
		words []string
	}{
		{"-p 80", []string{"-p 80", "8080:80"}},
		{"-p 8080:80:90:100", []string{"8080:80:90:100"}},
		{"-p :80", []string{"PORT:GUESTPORT"}},
		{"-p 80:", []string{"PORT:GUESTPORT"}},
		{"-p 80:0", []string{"PORT:GUESTPORT"}},
		{"-p 65536:80", []string{"PORT:GUESTPORT"}},
		{"-p 80:65536", []string{"PORT:GUESTPORT"}},
		{"-p -1:80", []string{"PORT:GUESTPORT"}},
		{"-p +80:80", []string{"PORT:GUESTPORT"}},
		{"-p 0x50:80", []string{"PORT:GUESTPORT"}},
		{"-p 8080:80/sctp", []string{"tcp or udp"}},
		{"-p 8080:80/", []string{"tcp or udp"}},
		{"-p 256.0.0.1:8080:80", []string{"256.0.0.1", "no address"}},
		{"-p example.com:8080:80", []string{"example.com", "no address"}},
		{"-p ::1:8080:80", []string{"brackets"}},
		{"-p [::1:8080:80", []string{"[ADDR]"}},
		{"-p [::1]8080:80", []string{"[ADDR]"}},
		{"-p [1.2.3.4]:8080:80", []string{"no address"}},
		{"-p 8080:80 -p 8080:81", []string{"8080:81", "already"}},
		{"-p 8080:80 --net none", []string{"8080:80", "--net none"}},
		{"-p 8080:80 --net tap=x", []string{"8080:80", "tap"}},
		{"--net", []string{"--net"}},
		{"--net bridge", []string{"bridge", "user, tap=NAME, bridge=NAME or none"}},
		{"--net tap=", []string{"tap", "name"}},
		{"--net tap=averyveryverylongname", []string{"name"}},
		{"--net tap=../x", []string{"name"}},
		{"--net none --net user", []string{"none"}},
		{"--net none --ip 10.0.0.1/8", []string{"none"}},
		{"--net tap=a --net tap=a", []string{"twice"}},
		{"--net user --net user --net user --net user --net user --net user --net user --net user --net user",
			[]string{"at most"}},
		{"--ip 10.0.0.2", []string{"10.0.0.2/24"}},
		{"--ip fd00::2", []string{"fd00::2/64"}},
		{"--ip 10.0.0.2/33", []string{"32"}},
		{"--ip 10.0.0.2/0", []string{"32"}},
		{"--ip fd00::2/129", []string{"128"}},
		{"--ip 10.0.0/24", []string{"10.0.0/24"}},
		{"--ip 10.0.0.2/24x", []string{"24x"}},
		{"--ip 10.0.0.2/31", []string{"user networking"}},
		{"--ip 10.0.0.0/24", []string{"user networking"}},
		{"--ip fd00::2/48", []string{"user networking"}},
		{"--ip none --ip 10.0.0.2/24", []string{"none"}},
		{"--ip dhcp --raw", []string{"--raw"}},
		{"--gateway router", []string{"router", "numeric"}},
		{"--dns 1.1.1", []string{"1.1.1", "numeric"}},
		{"--mac 52:54:00:12:34", []string{"--mac"}},
		{"--mac 52-54-00-12-34-56", []string{"--mac"}},
		{"--mac 52:54:00:12:34:5g", []string{"--mac"}},
		{"--mac 53:54:00:12:34:56", []string{"group"}},
		{"--mac 00:00:00:00:00:00", []string{"--mac"}},
		{"--pcap /no/such/dir/x.pcap", []string{"/no/such/dir/x.pcap"}},
		{"--pcap /", []string{"--pcap"}},
		{"--pcap a,b", []string{"commas"}},
	} {
		t.Run(strings.ReplaceAll(c.args, "/", "|"), func(t *testing.T) {
			args := append(append([]string{"run"}, strings.Fields(c.args)...), elf)
			if c.args == "--net" {
				args = []string{"run", "--net"}
			}
			refuses(t, call{args: args}, c.words...)
		})
	}
}

func TestPortInUse(t *testing.T) {
	elf := networkImage(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	refuses(t, call{args: []string{"run", "-p", "127.0.0.1:" + taken + ":80", elf}}, taken, "in use", "ss -ltnp")
	refuses(t, call{args: []string{"run", "-p", taken + ":80", elf}}, taken, "in use")
	u, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	taken = fmt.Sprint(u.LocalAddr().(*net.UDPAddr).Port)
	refuses(t, call{args: []string{"run", "-p", taken + ":53/udp", elf}}, taken, "in use", "ss -lunp")
	refuses(t, call{args: []string{"run", "-p", "192.0.2.1:8080:80", elf}}, "192.0.2.1", "no address of this host")
}

func TestPrivilegedPort(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may use any port")
	}
	refuses(t, call{args: []string{"run", "-p", "81:80", networkImage(t)}}, "below 1024", "higher")
}

func TestNoSuchTap(t *testing.T) {
	refuses(t, call{args: []string{"run", "--net", "tap=nosuchtap", networkImage(t)}}, "nosuchtap", "ip tuntap add nosuchtap mode tap user")
}

// TestTapThatCannotBeUsed makes devices in a network namespace of its own.
func TestTapThatCannotBeUsed(t *testing.T) {
	elf := networkImage(t)
	for name, c := range map[string]struct{ setup, want string }{
		"down":  {"ip tuntap add t0 mode tap", "ip link set t0 up"},
		"dummy": {"ip link add t0 type dummy && ip link set t0 up", "no tap device"},
		"tun":   {"ip tuntap add t0 mode tun && ip link set t0 up", "no tap device"},
	} {
		t.Run(name, func(t *testing.T) {
			// The tool's own exit code tells a failed setup from a refusal.
			cmd := exec.Command("unshare", "-n", "sh", "-c", c.setup+" || exit 77; exec \"$@\"", "sh", machine.Tool(),
				"run", "--accel", "tcg", "--net", "tap=t0", elf)
			cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 125 {
				t.Skipf("no devices can be made here: %v\n%s", err, out)
			}
			if strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), c.want) {
				t.Errorf("%q is not in the one line of\n%s", c.want, out)
			}
		})
	}
}

// fakeQEMU puts a script before the real QEMU on PATH.
func fakeQEMU(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "qemu-system-x86_64"), "#!/bin/sh\n"+script)
	if err := os.Chmod(filepath.Join(dir, "qemu-system-x86_64"), 0o755); err != nil {
		t.Fatal(err)
	}
	return "PATH=" + dir + ":" + os.Getenv("PATH")
}

func TestQEMUWithoutUserNetworking(t *testing.T) {
	for _, said := range []string{
		`-netdev user,id=net0: Parameter 'type' expects a netdev backend type`,
		`-netdev user,id=net0: network backend 'user' is not compiled into this binary`,
	} {
		env := fakeQEMU(t, `echo "qemu-system-x86_64: `+said+`" >&2; exit 1`)
		refuses(t, call{env: []string{env}, args: []string{"run", "--net", "user", networkImage(t)}}, "no user networking", "qemu-system-x86")
	}
}

// arguments returns what QEMU is started with.
func arguments(t *testing.T, elf, flags string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "arguments")
	env := fakeQEMU(t, `echo "$*" >`+file+"\nexit 1")
	run(t, call{env: []string{env}, args: append(append([]string{"run"}, strings.Fields(flags)...), elf)})
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNetworkIsForProgramsThatUseIt(t *testing.T) {
	hello, server := image(t), serverImage(t)
	for _, c := range []struct {
		target, flags string
		device        bool
	}{
		{hello, "", false}, {server, "", true}, {server, "--net none", false}, {networkImage(t), "", true},
		// A package is built for what the flags ask.
		{helloModule(t), "", false}, {helloModule(t), "--net none", false}, {helloModule(t), "--net user", true},
		{helloModule(t), "-p 0:80", true}, {helloModule(t), "--ip dhcp", true},
	} {
		if got := strings.Contains(arguments(t, c.target, c.flags), "virtio-net"); got != c.device {
			t.Errorf("%s %s: a device: %v, want %v", filepath.Base(c.target), c.flags, got, c.device)
		}
	}
	for _, flags := range []string{"--net user", "-p 0:80", "--ip dhcp"} {
		refuses(t, call{args: append(append([]string{"run"}, strings.Fields(flags)...), hello)}, "no network stack", "build --network yes")
	}
}

func TestNetworkOnTheCommandLine(t *testing.T) {
	elf := networkImage(t)
	pcap := filepath.Join(t.TempDir(), "x.pcap")
	for _, c := range []struct {
		flags string
		words []string // regular expressions
		not   string
	}{
		{"--net user", []string{"ip=eth0:10.0.2.15/24", "ip=eth0:fec0:.*::15/64", "gateway=10.0.2.2", "gateway=fec0::2", "dns=10.0.2.3",
			"virtio-mmio.force-legacy=false"}, "dhcp "},
		{"--net user --ip dhcp", []string{"ip=eth0:dhcp"}, "gateway=10|dns="},
		{"--ip 192.168.5.9/24 -p 127.0.0.1:0:80 -p 0:53/udp", []string{"ip=eth0:192.168.5.9/24", "gateway=192.168.5.2",
			`hostfwd=tcp:127.0.0.1:\d+-192.168.5.9:80`, `hostfwd=udp::\d+-192.168.5.9:53`, "net=192.168.5.0/24"}, "10.0.2"},
		{"--ip 10.9.0.2/16", []string{"gateway=10.9.0.3", "dns=10.9.0.4"}, ""},
		{"--net user --net user --mac 02:00:00:00:00:01", []string{"ip=eth1:10.0.3.15/24", "netdev=net1,mac=02:00:00:00:00:01"}, ""},
		{"--dns 9.9.9.9 --gateway 10.0.2.7 --gateway fe80::1%eth0", []string{"dns=9.9.9.9", "gateway=10.0.2.7", "gateway=fe80::1%eth0"},
			"10.0.2.3 |gateway=10.0.2.2"},
		{"--raw", []string{"net=eth0:raw"}, "ip="},
		{"--net user --pcap " + pcap, []string{"filter-dump,.*netdev=net0,file=" + pcap}, ""},
		{"--machine q35 --net user", []string{"virtio-net-pci,disable-legacy=on,romfile=,"}, "mmio"},
	} {
		got := arguments(t, elf, c.flags)
		for _, w := range c.words {
			if !regexp.MustCompile(w).MatchString(got) {
				t.Errorf("%s: %s is not in\n%s", c.flags, w, got)
			}
		}
		if _, line, _ := strings.Cut(got, "-append"); c.not != "" && regexp.MustCompile(c.not).MatchString(line) {
			t.Errorf("%s: %s is in\n%s", c.flags, c.not, line)
		}
	}
}

// TestCertificatesInTheImage looks for the bundle's text in images.
func TestCertificatesInTheImage(t *testing.T) {
	bundle := filepath.Join(t.TempDir(), "own.pem")
	write(t, bundle, "-----BEGIN CERTIFICATE----- of the test\n")
	own := t.TempDir()
	write(t, filepath.Join(own, "ca-certificates.crt"), "the user's own\n")
	dir := module(t, map[string]string{"main.go": client})
	out := filepath.Join(t.TempDir(), "a.elf")
	has := func(text string) bool {
		t.Helper()
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(data), text)
	}
	env := []string{"SSL_CERT_FILE=" + bundle}
	succeeds(t, call{dir: dir, env: env, args: []string{"build", "-o", out}})
	if !has("of the test") {
		t.Error("the program verifies certificates, but its image has none")
	}
	succeeds(t, call{dir: dir, env: env, args: []string{"build", "--no-ca", "-o", out}})
	if has("of the test") {
		t.Error("--no-ca: they are in the image")
	}
	succeeds(t, call{dir: helloModule(t), env: env, args: []string{"build", "-o", out}})
	if has("of the test") {
		t.Error("hello has certificates in it")
	}
	succeeds(t, call{dir: dir, env: env, args: []string{"build", "-o", out, "--files", own + ":/etc/ssl/certs"}})
	if !has("the user's own") {
		t.Error("the user's own bundle is not in the image")
	}
	refuses(t, call{dir: dir, env: []string{"SSL_CERT_FILE=/no/such/file"}, args: []string{"build", "-o", out}}, "/no/such/file", "--no-ca")
}
