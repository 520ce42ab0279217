# The emulated machine: how QEMU is started, and the saved state that runs resume from. Sourced by ../xenlab.

# "max" has SVM and nested paging. What is taken away, with QEMU 7.2's TCG (docs/xen.md has the details):
#   smap    iret at CPL 3 makes supervisor accesses: PV Linux dies at once
#   rdtscp  its intercept is reported as RDTSC's: Xen cannot skip it
#   xsave   extended state is corrupted across vCPU switches
LAB_CPU=max,-smap,-rdtscp,-xsave

# MB. The machine is Xen, dom0 and one guest; what they leave is never touched and costs nothing.
DOM0_MEM=512
GUEST_MEM_MAX=1024
XEN_MEM=160
PAYLOAD_MAX=167772160 # bytes a saved machine takes; dom0 keeps it in memory, for a while twice
DISKS=6 # that a machine can have
CONTROL_PORTS=4

XEN_ARGS="console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all bootscrub=0"

# Nested paging for guests that have not switched their own paging on, as a PVH guest at its entry. Without it Xen keeps shadow page
# tables. ("target/i386: Walk NPT in guest real mode", in QEMU 9.2 and in the stable releases below.)
has_nested_paging() {
    local major minor micro
    IFS=. read -r major minor micro < <("$QEMU" --version | sed -n '1s/.*version \([0-9]*\.[0-9]*\.[0-9]*\).*/\1/p')
    case $major.$minor in
    7.2) ((micro >= 15)) ;;
    8.2) ((micro >= 8)) ;;
    9.0) ((micro >= 4)) ;;
    9.1) ((micro >= 2)) ;;
    *) ((major > 9 || (major == 9 && minor > 1))) ;;
    esac
}

xen_args() { echo "$XEN_ARGS$(has_nested_paging || echo ' hap=0')"; }

comma() { printf '%s' "${1//,/,,}"; } # QEMU's option syntax

WITHIN= # words before QEMU's
# Becomes QEMU: for subshells only.
qemu_base() { exec $WITHIN "$QEMU" -accel tcg -cpu "$LAB_CPU" -smp 1 -nodefaults -display none -no-reboot "$@"; }

# dom0_machine MODE DIR DOM0_MB GUEST_MB NETDEV [qemu arguments]: Xen with the lab's Linux. Uses DIR/payload and
# writes DIR/xen.log; DIR/control0 and so on are sockets of dom0's agents. The console of dom0 is Xen's; the guest's is the
# chardev "guest", for the caller to define. Disks are what DISK_FILE, DISK_OPTIONS and DISK_SECTOR (arrays) say. All machines
# have the same devices, so that they can resume from the same saved one.
dom0_machine() {
    local mode=$1 dir dom0=$3 guest=$4 netdev=$5 i devices=()
    dir=$(comma "$2")
    cd "$2" # an address of a socket is short
    shift 5
    for ((i = 0; i < DISKS; i++)); do
        if [ -n "${DISK_FILE[i]:-}" ]; then
            devices+=(-drive "file=$(comma "${DISK_FILE[i]}"),format=raw,if=none,id=disk$i,discard=unmap${DISK_OPTIONS[i]}")
        else
            devices+=(-drive "driver=null-co,size=4096,if=none,id=disk$i")
        fi
        devices+=(-device "virtio-blk-pci,drive=disk$i,logical_block_size=${DISK_SECTOR[i]:-512},physical_block_size=${DISK_SECTOR[i]:-512}")
    done
    for ((i = 0; i < CONTROL_PORTS; i++)); do
        devices+=(-chardev "socket,id=control$i,path=control$i,server=on,wait=off" -device "virtserialport,chardev=control$i,name=control$i")
    done
    qemu_base -M pc -m $((dom0 + guest + XEN_MEM)) \
        -kernel "$LAB/xen" -append "$(xen_args) dom0_mem=${dom0}M,max:${dom0}M" \
        -initrd "$(comma "$LAB")/vmlinux console=hvc0 net.ifnames=0 quiet xenlab=$mode,$(comma "$LAB")/dom0.cpio" \
        -netdev "$netdev" -device virtio-net-pci,netdev=net0,romfile= \
        -drive "file=$dir/payload,format=raw,if=none,id=payload" -device virtio-blk-pci,drive=payload \
        -device virtio-serial-pci -device virtserialport,chardev=guest,name=guest \
        "${devices[@]}" -device isa-debug-exit,iobase=0xf4,iosize=1 "$@"
}

# need_snapshot user|tap: makes the saved machine unless there is one, and sets SNAPSHOT. It belongs to this lab, this QEMU and
# this set of devices; a machine on a tap has an interface that knows offloads, which that of user networking does not.
need_snapshot() {
    local id
    id=$({ "$QEMU" --version | sed -n 1p; cat "$HERE/lib/machine.sh"; } | sha256sum | cut -c1-16)
    SNAPSHOT=$LAB/snapshot-$1-$id
    [ -e "$SNAPSHOT" ] || make_snapshot "$1" "$SNAPSHOT"
}

# Saves a machine whose dom0 waits for its payload, unless there is one already.
make_snapshot() {
    local kind=$1 file=$2
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
        net=user,id=net0
        if [ "$kind" = tap ]; then # one in a network namespace that goes with QEMU
            net=tap,id=net0,script=no,downscript=no
            WITHIN="unshare -n"
            [ "$(id -u)" = 0 ] || WITHIN="unshare -r -n"
        fi
        DISK_FILE=()
        dom0_machine run "$dir" $DOM0_MEM $GUEST_MEM_MAX "$net" -chardev null,id=guest \
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
        rm -f "$LAB/snapshot-$kind-"*
        mv "$LAB/saved" "$file"
    ) 9>"$CACHE/lock"
}
