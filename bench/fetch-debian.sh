#!/bin/bash
# fetch-debian.sh CACHE: leaves Debian's cloud kernel as CACHE/vmlinux, an ELF that QEMU enters as
# directly as it enters our image (no decompression inside the guest), and the modules of its network drivers, in
# the order in which they load: virtio's as CACHE/modules/*.ko, Xen's as CACHE/xen/*.ko. The package is downloaded
# and unpacked, not installed: this machine's /boot stays as it is.
set -euo pipefail
cache=${1:?usage: fetch-debian.sh CACHE}
[ -s "$cache/vmlinux" ] && [ -d "$cache/modules" ] && [ -d "$cache/xen" ] && exit 0
mkdir -p "$cache"
cd "$cache"
package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
[ -n "$package" ] || { echo "no linux-image-cloud-amd64 among this distribution's packages (apt-get update?)" >&2; exit 1; }
apt-get download -qq "$package"
rm -rf root
dpkg -x "$package"_*.deb root
kernel=root/boot/vmlinuz-${package#linux-image-}
# The compressed kernel inside: LZ4 (its old frame) or xz, by Debian's configuration. What follows it
# in the file makes the decompressors complain at the end; the check is readelf's.
unpack() {  # MAGIC COMMAND...
    local offset
    offset=$({ LC_ALL=C grep -abo -P "$1" "$kernel" || true; } | sed -n '1s/:.*//p')
    shift
    [ -n "$offset" ] || return 0
    tail -c +$((offset + 1)) "$kernel" | "$@" 2>/dev/null >vmlinux.part || true
}
if grep -q CONFIG_KERNEL_LZ4=y root/boot/config-*; then
    unpack '\x02\x21\x4c\x18' lz4 -dc
else
    unpack '\xfd7zXZ\x00' xz -dc
fi
readelf -h vmlinux.part >/dev/null
modules() { # DIR MODULE...
    local i=10 m file
    rm -rf "$1"
    mkdir "$1"
    for m in "${@:2}"; do
        file=$(find root -name "$m.ko*" | head -n 1)
        case $file in
        *.xz) xz -dc "$file" >"$1/$i-$m.ko" ;;
        *.ko) cp "$file" "$1/$i-$m.ko" ;;
        esac # not there: it is built in
        i=$((i + 1))
    done
}
modules modules virtio_ring virtio virtio_mmio failover net_failover virtio_net
modules xen xen-netfront
mv vmlinux.part vmlinux
rm -rf root "$package"_*.deb
