# The emulated machine: how QEMU is started, and the saved state that runs resume from. Sourced by ../xenlab.

# "max" has SVM and nested paging. What is taken away, with QEMU 7.2's TCG (docs/xen.md has the details):
#   smap    iret at CPL 3 makes supervisor accesses: PV Linux dies at once
#   rdtscp  its intercept is reported as RDTSC's: Xen cannot skip it
#   xsave   extended state is corrupted across vCPU switches
LAB_CPU=max,-smap,-rdtscp,-xsave

# MB. The machine is Xen, dom0 and one guest; what the guest leaves is never touched and costs nothing.
DOM0_MEM=320
GUEST_MEM_MAX=1024
XEN_MEM=160
PAYLOAD_MAX=67108864 # bytes a saved machine takes; dom0 keeps it in memory, twice

XEN_ARGS="console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all bootscrub=0"

comma() { printf '%s' "${1//,/,,}"; } # QEMU's option syntax

# Becomes QEMU: for subshells only.
qemu_base() { exec "$QEMU" -accel tcg -cpu "$LAB_CPU" -smp 1 -nodefaults -display none -no-reboot "$@"; }

# dom0_machine MODE DIR DOM0_MB GUEST_MB NETDEV [qemu arguments]: Xen with the lab's Linux. Uses DIR/payload and
# writes DIR/xen.log. The console of dom0 is Xen's; the guest's is the chardev "guest", for the caller to define.
dom0_machine() {
    local mode=$1 dir dom0=$3 guest=$4 netdev=$5
    dir=$(comma "$2")
    shift 5
    qemu_base -M pc -m $((dom0 + guest + XEN_MEM)) \
        -kernel "$LAB/xen" -append "$XEN_ARGS dom0_mem=${dom0}M,max:${dom0}M" \
        -initrd "$(comma "$LAB")/vmlinux console=hvc0 net.ifnames=0 quiet xenlab=$mode,$(comma "$LAB")/dom0.cpio" \
        -netdev "$netdev" -device virtio-net-pci,netdev=net0,romfile= \
        -drive "file=$dir/payload,format=raw,if=none,id=payload" -device virtio-blk-pci,drive=payload \
        -device virtio-serial-pci -device virtserialport,chardev=guest,name=guest \
        -device isa-debug-exit,iobase=0xf4,iosize=1 "$@"
}

# The saved machine belongs to this lab, this QEMU and this set of devices.
snapshot_file() {
    local id
    id=$({ "$QEMU" --version | sed -n 1p; cat "$HERE/lib/machine.sh"; } | sha256sum | cut -c1-16)
    echo "$LAB/snapshot-$id"
}

# Saves a machine whose dom0 waits for its payload, unless there is one already.
make_snapshot() {
    local file=$1
    (
        flock 9
        [ ! -e "$file" ] || exit 0
        echo "xenlab: booting dom0 once to save the machine (10 s)" >&2
        dir=$(mktemp -d "${TMPDIR:-/tmp}/xenlab.XXXXXX")
        pid=
        trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; fi; rm -rf "$dir" "$file.new"' EXIT
        truncate -s $PAYLOAD_MAX "$dir/payload"
        mkfifo "$dir/monitor"
        : >"$dir/xen.log"
        dom0_machine run "$dir" $DOM0_MEM $GUEST_MEM_MAX user,id=net0 -chardev null,id=guest \
            -serial "file:$dir/xen.log" -monitor stdio <"$dir/monitor" >/dev/null 9>&- &
        pid=$!
        exec 8>"$dir/monitor"
        end=$((SECONDS + 120))
        until grep -aq 'XENLAB: dom0 ready' "$dir/xen.log"; do
            if ((SECONDS >= end)) || ! kill -0 $pid 2>/dev/null; then
                tail -n 30 "$dir/xen.log" >&2
                die "dom0 did not come up"
            fi
            sleep 0.1
        done
        sleep 0.5 # until it is idle
        printf 'migrate_set_parameter max-bandwidth 100G\nmigrate "exec:cat > %s"\nquit\n' "$file.new" >&8
        exec 8>&-
        wait $pid || true
        pid=
        [ -s "$file.new" ] || die "saving the machine failed"
        mv "$file.new" "$LAB/saved"
        rm -f "$LAB"/snapshot-*
        mv "$LAB/saved" "$file"
    ) 9>"$CACHE/lock"
}
