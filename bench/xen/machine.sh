#!/bin/bash
# machine.sh DIR TAP DOM0_MB GUEST_MB: becomes the QEMU of the lab (docs/xen.md), booted, not resumed: dom0's network card is
# the tap device TAP, its offloads included. DIR holds the payload, and will hold the log of Xen and dom0. Standard input and
# output are dom0's virtio port.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../tests/xenlab" && pwd)
VERBOSE=
die() {
    echo "bench-xen: $*" >&2
    exit 125
}
note() { :; }
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/unigornel/xenlab
LAB=$CACHE/current-$(cat "$HERE"/dom0/* "$HERE"/lib/{packages,build,machine}.sh | sha256sum | cut -c1-16)
QEMU=${QEMU:-qemu-system-x86_64}
. "$HERE/lib/packages.sh"
. "$HERE/lib/build.sh"
. "$HERE/lib/machine.sh"
. "$HERE/lib/run.sh"
need_lab >&2
dom0_machine run "$1" "$3" "$4" "tap,id=net0,ifname=$2,script=no,downscript=no" \
    -chardev stdio,id=guest,signal=off -serial "file:$1/xen.log" ${QEMU_MORE:-}
