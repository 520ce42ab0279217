#!/bin/bash
# profile.sh IMAGE [QEMU ARGUMENT...]: boots IMAGE on a microvm that counts instructions (profile.c), and prints them by
# function when the machine ends or QEMU gets SIGTERM. APPEND is the kernel's command line, PER the number of operations that
# the machine did: figures are divided by it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
image=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -std=gnu11 -O2 -shared -fPIC -o "$work/profile.so" "$here/profile.c"
trap : TERM INT
qemu-system-x86_64 -M microvm -accel tcg -cpu max -m 256 -nodefaults -no-user-config -display none -no-reboot -serial stdio \
    -global virtio-mmio.force-legacy=false -kernel "$image" -append "${APPEND:-quiet}" \
    -plugin "$work/profile.so,out=$work/profile.txt" "$@" || true
python3 "$here/symbolise.py" "$work/profile.txt" "$image" "${PER:-1}"
