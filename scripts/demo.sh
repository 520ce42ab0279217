#!/bin/bash
# Boots two machines: the web example, which a browser can look at, and the playground on this terminal.
set -eu
cd "$(dirname "$0")/.."
tool=$PWD/build/unigornel
log=$(mktemp)
server=
cleanup() {
    [ -z "$server" ] || kill -INT "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    rm -f "$log"
}
trap cleanup EXIT

# fetch PORT: what the web server has for a client that is no browser.
fetch() {
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'GET / HTTP/1.0\r\n\r\n' >&3
    sed '1,/^\r*$/d' <&3
    exec 3>&-
}

cat <<'TEXT'
Booting examples/web as a virtual machine: no operating system, just the Go program.

    unigornel run -p 8080:80 ./examples/web

TEXT
# 8080 if it is free, else any port.
port=8080
if (: <>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then
    port=0
fi
"$tool" run -p 127.0.0.1:$port:80 ./examples/web >"$log" 2>&1 </dev/null &
server=$!
for ((i = 0; i < 1200; i++)); do
    grep -q '^Serving' "$log" && break
    kill -0 $server 2>/dev/null || break
    sleep 0.1
done
if ! grep -q '^Serving' "$log"; then
    cat "$log" >&2
    exit 1
fi
[ $port != 0 ] || port=$(sed -n 's/.*port \([0-9]*\) of the host.*/\1/p' "$log")
grep '^Serving' "$log" | sed 's/ Ctrl-C.*//'
echo
fetch "$port" | sed 's/^/    /'
cat <<TEXT

It serves on until you leave: open http://localhost:$port in a browser and watch it.

Meanwhile, in a second machine, on this terminal, examples/playground. Try:
    primes 30            a chain of thirty goroutines and channels
    spawn 100000         as many goroutines
    timer 5s tea         and keep typing while it runs
    divide 7 0           a panic that is recovered
    machine              what the program finds itself on
    quit 7               ends the machine; its exit code becomes the command's

TEXT
code=0
"$tool" run ./examples/playground || code=$?
case $code in
123 | 125) exit $code ;;
esac
echo "The machine ended with exit code $code."
