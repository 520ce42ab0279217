# Assembles the lab: $CACHE/KEY with xen, vmlinux, dom0.cpio. Sourced by ../xenlab.
#
# KEY is made of the package versions and of the lab's own files, so that a change of either makes a new lab.

DOM0_MODULES="xen-evtchn xen-privcmd xen-gntdev xen-gntalloc xenfs xen-netback xen-blkback bridge tun loop
 virtio_pci virtio_net virtio_blk virtio_console"

lab_key() {
    { list_versions; cat "$HERE"/dom0/* "$HERE"/lib/{packages,build,machine}.sh; } | sha256sum | cut -c1-16
}

DOWNLOAD_FAILED=42 # status of the subshell below

cmd_build() {
    local key force= status
    [ "${1:-}" = --force ] && force=1
    require_tools
    find_roots
    key=$(lab_key)
    mkdir -p "$CACHE"
    set +e # here; `||` behind the subshell would switch it off within
    (
        set -e
        flock 9
        if [ -n "$force" ] || [ ! -e "$CACHE/$key/dom0.cpio" ]; then
            echo "xenlab: building the lab in $CACHE/$key ($XEN_PACKAGE, $KERNEL_PACKAGE)" >&2
            build_lab "$key"
        fi
        for d in "$LAB" "$CACHE/current"; do # the latter for those who ask whether there is a lab at all
            ln -sfn "$key" "$d.new"
            mv -T "$d.new" "$d"
        done
        touch "$CACHE/$key"
        # Labs that were not used for a week, and links to them.
        find "$CACHE" -mindepth 1 -maxdepth 1 -type d ! -name debs -mtime +7 -exec rm -rf {} +
        find "$CACHE" -mindepth 1 -maxdepth 1 -xtype l -delete
    ) 9>"$CACHE/lock"
    status=$?
    set -e
    if [ $status = $DOWNLOAD_FAILED ]; then # the lists name what the archive has replaced
        [ -z "${RETRIED:-}" ] || die "the packages cannot be downloaded"
        RETRIED=1
        refresh_lists
        cmd_build "$@"
        return
    fi
    [ $status = 0 ] || exit $status
    need_snapshot user
}

# Builds the lab if there is none yet. Looking for newer packages costs a second: only `build` does it.
need_lab() {
    [ -e "$LAB/dom0.cpio" ] || cmd_build
    touch -c "$LAB/." # in use
}

cmd_status() {
    find_roots
    local key
    key=$(lab_key)
    echo "directory  $CACHE"
    [ -e "$LAB/dom0.cpio" ] || { echo "state      not built"; return; }
    if [ "$(readlink "$LAB")" = "$key" ]; then echo "state      up to date"; else echo "state      newer packages or scripts: xenlab build"; fi
    cat "$LAB/about"
    ls "$LAB"/snapshot-* 2>/dev/null | sed 's/^/snapshot   /' || true
}

build_lab() {
    local key=$1 root work out list p
    work=$(mktemp -d "$CACHE/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    root=$work/root out=$work/out list=$work/versions
    mkdir -p "$root" "$out"
    list_versions >"$list"
    download_packages "$CACHE/debs" <"$list" || exit $DOWNLOAD_FAILED
    for p in "$CACHE"/debs/*.deb; do
        # Debian's kernel comes with 400 MB of modules, of which twenty are wanted: drivers of hardware stay packed.
        dpkg-deb --fsys-tarfile "$p" | tar -x -C "$root" --keep-directory-symlink \
            --exclude='./usr/share' --exclude='./usr/lib/debug' \
            --exclude='*/kernel/drivers/gpu' --exclude='*/kernel/drivers/media' --exclude='*/kernel/sound' \
            --exclude='*/kernel/drivers/net/wireless' --exclude='*/kernel/drivers/net/ethernet' \
            --exclude='*/kernel/drivers/infiniband' --exclude='*/kernel/drivers/scsi' --exclude='*/kernel/drivers/usb'
    done
    local kernel=${KERNEL_PACKAGE#linux-image-}
    kernel=${kernel#unsigned-}
    # A 32-bit multiboot ELF: QEMU's -kernel takes it as it is.
    zcat "$root"/boot/xen-"$XEN_VERSION"-amd64.gz >"$out/xen"
    unpack_kernel "$root/boot/vmlinuz-$kernel" "$out/vmlinux"
    build_dom0 "$root" "$work/dom0" "$kernel"
    (cd "$work/dom0" && find . | cpio -o -H newc -R 0:0 --quiet) >"$out/dom0.cpio"
    {
        echo "xen        $(awk -v p="$XEN_PACKAGE" '$1 == p {print $2}' "$list")"
        echo "dom0       $KERNEL_PACKAGE $(awk -v p="$KERNEL_PACKAGE" '$1 == p {print $2}' "$list")"
        echo "qemu       $($QEMU --version | sed -n 1p)"
    } >"$out/about"
    rm -rf "${CACHE:?}/$key"
    mv "$out" "$CACHE/$key"
    rm -rf "$work"
    trap - EXIT
}

# Linux without its self-extractor: decompressing here is faster than under emulation, and Xen loads ELF.
unpack_kernel() {
    local image=$1 out=$2 magic tool offset
    for magic in '\xfd7zXZ\x00=xz -dc' '\x28\xb5\x2f\xfd=zstd -dcq' '\x1f\x8b\x08=gzip -dc'; do
        tool=${magic#*=}
        for offset in $(LC_ALL=C grep -abo -P "${magic%%=*}" "$image" | cut -d: -f1); do
            tail -c +$((offset + 1)) "$image" | $tool >"$out" 2>/dev/null || true # data follows the stream
            readelf -h "$out" >/dev/null 2>&1 && { strip --strip-debug "$out" 2>/dev/null || true; return; }
        done
    done
    die "cannot unpack $image"
}

build_dom0() {
    local root=$1 fs=$2 kernel=$3 f n dir
    local bin=usr/lib/xen-$XEN_VERSION/bin
    local PATH=$PATH:/sbin:/usr/sbin
    mkdir -p "$fs"/{bin,sbin,proc,sys,dev,tmp,run,root,guests,etc,lib/x86_64-linux-gnu,lib64,usr/{bin,sbin},usr/lib/x86_64-linux-gnu}
    mkdir -p "$fs"/var/{lib/xen,log/xen/console,lock} "$fs/usr/lib/xen-$XEN_VERSION/boot"
    ln -s /run "$fs/var/run"
    ln -s /proc/self/mounts "$fs/etc/mtab"
    # Merged-/usr packages have no /bin and /sbin: look in both places, keep the place.
    for n in busybox bash ip losetup flock xl xenstored xenconsoled xenconsole xenctx xen-init-dom0 libxl-save-helper \
        xenstore xenstore-read xenstore-write xenstore-ls xenstore-list xenstore-rm xenstore-watch xenstore-exists xenstore-chmod; do
        f=
        for dir in "$bin" bin sbin usr/bin usr/sbin; do
            if [ -e "$root/$dir/$n" ]; then f=$dir/$n; break; fi
        done
        [ -n "$f" ] || die "program $n is in none of the packages"
        mkdir -p "$fs/$(dirname "$f")"
        cp -aL "$root/$f" "$fs/$f"
    done
    # #!/bin/bash and friends, wherever the packages put them
    for n in bash busybox; do [ -e "$fs/bin/$n" ] || ln -s "/usr/bin/$n" "$fs/bin/$n"; done
    cp -a "$root/etc/xen" "$fs/etc/"
    [ ! -d "$root/usr/lib/xen-common" ] || cp -a "$root/usr/lib/xen-common" "$fs/usr/lib/"
    for n in relay agent; do
        gcc -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -o "$fs/sbin/$n" "$HERE/dom0/$n.c"
        strip "$fs/sbin/$n"
    done
    for n in block vif-bridge; do
        mv "$fs/etc/xen/scripts/$n" "$fs/etc/xen/scripts/$n.xen"
        install -m 755 "$HERE/dom0/hotplug" "$fs/etc/xen/scripts/$n"
    done
    install -m 755 "$HERE/dom0/init" "$fs/init"
    install -m 755 "$HERE/dom0/guest" "$fs/sbin/guest"
    copy_libraries "$root" "$fs"
    copy_modules "$root" "$fs" "$kernel"
}

# What the programs in $2 need of shared libraries, and what those need.
copy_libraries() {
    local root=$1 fs=$2 f n dir
    local -A seen=()
    local todo
    mapfile -t todo < <(cd "$fs" && find bin sbin usr -type f)
    while ((${#todo[@]})); do
        f=${todo[0]}
        todo=("${todo[@]:1}")
        # libgcc_s is opened by pthread_cancel, not linked
        for n in $(readelf -d "$fs/$f" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p') libgcc_s.so.1; do
            [ -z "${seen[$n]:-}" ] || continue
            seen[$n]=1
            for dir in lib/x86_64-linux-gnu usr/lib/x86_64-linux-gnu ''; do [ -e "$root/$dir/$n" ] && break; done
            [ -n "$dir" ] || die "library $n (of $f) is in none of the packages"
            cp -L "$root/$dir/$n" "$fs/$dir/$n"
            todo+=("$dir/$n")
        done
    done
    for dir in lib/x86_64-linux-gnu usr/lib/x86_64-linux-gnu; do
        [ ! -e "$root/$dir/ld-linux-x86-64.so.2" ] || cp -L "$root/$dir/ld-linux-x86-64.so.2" "$fs/lib64/"
    done
}

# dom0's modules with what they depend on, uncompressed and without debug information.
copy_modules() {
    local root=$1 fs=$2 kernel=$3 m k to src
    src=$root/lib/modules/$kernel
    if [ ! -d "$src" ]; then # merged /usr
        mkdir -p "$root/lib/modules"
        ln -s "../../usr/lib/modules/$kernel" "$src"
    fi
    depmod -b "$root" "$kernel"
    for m in $DOM0_MODULES; do
        modprobe -d "$root" -S "$kernel" --show-depends "$m" 2>/dev/null | awk '$1 == "insmod" {print $2}' ||
            note "no module $m (built in?)"
    done | awk '!seen[$0]++' | while read -r k; do
        to=$fs/lib/modules/$kernel/kernel/${k##*/}
        to=${to%.xz} to=${to%.zst} to=${to%.gz}
        mkdir -p "${to%/*}"
        case $k in
            *.xz) xz -dc "$k" >"$to" ;;
            *.zst) zstd -dcq "$k" >"$to" ;;
            *.gz) gzip -dc "$k" >"$to" ;;
            *) cp "$k" "$to" ;;
        esac
        strip --strip-debug "$to"
    done
    cp "$src"/modules.{order,builtin,builtin.modinfo} "$fs/lib/modules/$kernel/"
    depmod -b "$fs" "$kernel"
}
