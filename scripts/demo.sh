#!/bin/bash
# Boots the playground example on this terminal.
set -eu
cd "$(dirname "$0")/../examples"
cat <<'TEXT'
Booting examples/playground as a virtual machine: no operating system, just the Go program.
Try:
    primes 30            a chain of thirty goroutines and channels
    spawn 100000         as many goroutines
    timer 5s tea         and keep typing while it runs
    divide 7 0           a panic that is recovered
    machine              what the program finds itself on
    quit 7               ends the machine; its exit code becomes the command's
Ctrl-C stops the machine. The same by hand: cd examples && ../build/unigornel run ./playground

TEXT
code=0
../build/unigornel run ./playground || code=$?
case $code in
123 | 125) exit $code ;;
esac
echo "The machine ended with exit code $code."
