#!/bin/bash
# setup.sh          install what is missing to build, run and test Unigornel, from the
#                   distribution's packages (Debian 12, 13, Ubuntu), as root or with sudo.
# setup.sh --check  only say what the build itself misses; exit 1 if something does.
#
# Everything is looked for by presence, so a second run is instant and tools installed by other
# means count. Where packages cannot be installed the command to type is printed.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

have_command() { command -v "$1" >/dev/null 2>&1; }
have_header() { [ -e "/usr/include/$1" ] || [ -e "/usr/include/x86_64-linux-gnu/$1" ] || [ -e "/usr/local/include/$1" ]; }

# The go command on PATH, wherever it is, if it is 1.19 or later.
have_go() {
    local v minor
    v=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
    [[ $v =~ ^(devel|go1\.([0-9]+)) ]] || return 1
    minor=${BASH_REMATCH[2]:-99}
    [ "$minor" -ge 19 ]
}

# have WHAT NAME: one row of the tables below
have() {
    case $1 in
    command) have_command "$2" ;;
    header) have_header "$2" ;;
    file) [ -s "$2" ] ;;
    go) have_go ;;
    esac
}

# how to see it, its name, the package that brings it
to_build="command gcc gcc
command ld binutils
header stdio.h libc6-dev
header linux/virtio_ring.h linux-libc-dev
header libelf.h libelf-dev
header cjson/cJSON.h libcjson-dev
header xen/xen.h libxen-dev"
to_run="go go golang-go
command musl-gcc musl-tools
command qemu-system-x86_64 qemu-system-x86
command cpio cpio
file /etc/ssl/certs/ca-certificates.crt ca-certificates"
to_test="header cmocka.h libcmocka-dev
command clang-format clang-format
command xz xz-utils
command lz4 lz4
command zstd zstd
command perl perl-base
command depmod kmod
file /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
command timeout coreutils
command ip iproute2
command ping iputils-ping
command curl curl
command wrk wrk
command ethtool ethtool
command h2load nghttp2-client"

missing() {
    local how name package
    while read -r how name package; do
        have "$how" "$name" || echo "$package"
    done
}

if [ "${1:-}" = --check ]; then
    packages=$(missing <<<"$to_build" | tr '\n' ' ')
    [ -z "$packages" ] && exit 0
    echo "These packages are needed to build and are not here: $packages" >&2
    echo "'make setup' installs them." >&2
    exit 1
fi

mapfile -t packages < <(printf '%s\n' "$to_build" "$to_run" "$to_test" | missing | sort -u)
[ ${#packages[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
if ! have_command apt-get; then
    echo "This machine has no apt-get. Please install what these Debian packages hold: ${packages[*]}" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ] && ! have_command sudo; then
    echo "Neither root nor sudo here. As root, type:" >&2
    echo "    apt-get update && apt-get install -y --no-install-recommends ${packages[*]}" >&2
    exit 1
fi
echo "Installing: ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get failed, see above. By hand: apt-get update && apt-get install -y --no-install-recommends ${packages[*]}" >&2
    exit 1
fi

mapfile -t packages < <(printf '%s\n' "$to_build" "$to_run" "$to_test" | missing | sort -u)
if [ ${#packages[@]} -ne 0 ]; then
    echo "Installed, but still not as needed: ${packages[*]}" >&2
    have_go || echo "Go 1.19 or later is needed on PATH; this distribution's may be too old: https://go.dev/dl" >&2
    exit 1
fi
