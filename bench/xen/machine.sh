#!/bin/bash
# machine.sh DIR TAP: becomes the QEMU of the lab (docs/xen.md), whose network card is the tap device TAP. DIR holds the
# payload, and will hold the log of Xen and dom0. Standard input and output are dom0's virtio port "guest".
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
need_snapshot tap
truncate -s $PAYLOAD_MAX "$1/payload"
DISK_FILE=()
dom0_machine run "$1" $DOM0_MEM $GUEST_MEM_MAX "tap,id=net0,ifname=$2,script=no,downscript=no" \
    -chardev stdio,id=guest,signal=off -serial "file:$1/xen.log" -incoming "exec:cat '$SNAPSHOT'" ${QEMU_MORE:-}
