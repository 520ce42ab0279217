# The commands run, dom0 and shell. Sourced by ../xenlab.

parse_options() {
    MEM=256 CMDLINE= RAMDISK= STDIN= RAW= RECORD= TIMEOUT=120 LOG= VIF= FWD=() CFG=() COLD= IMAGE=
    while (($#)); do
        case $1 in
            --mem | --cmdline | --ramdisk | --stdin | --record | --timeout | --log | --fwd | --cfg)
                [ $# -ge 2 ] || die "$1 needs a value"
                ;;&
            --mem) MEM=$2 && shift 2 ;;
            --cmdline) CMDLINE=$2 && shift 2 ;;
            --ramdisk) RAMDISK=$2 && shift 2 ;;
            --stdin) STDIN=$2 && shift 2 ;;
            --raw) RAW=1 && shift ;;
            --record) RECORD=$2 && shift 2 ;;
            --timeout) TIMEOUT=$2 && shift 2 ;;
            --log) LOG=$2 && shift 2 ;;
            --fwd) FWD+=("$2") && VIF=1 && shift 2 ;;
            --cfg) CFG+=("$2") && shift 2 ;;
            --vif) VIF=1 && shift ;;
            --cold) COLD=1 && shift ;;
            -v) VERBOSE=1 && shift ;;
            -*) die "unknown option $1" ;;
            *)
                [ -z "$IMAGE" ] || die "one image only, please"
                IMAGE=$1
                shift
                ;;
        esac
    done
    [ -n "$IMAGE" ] || die "which image?"
    local f
    for f in "$IMAGE" ${RAMDISK:+"$RAMDISK"} ${STDIN:+"$STDIN"}; do [ -r "$f" ] || die "cannot read $f"; done
    [[ $MEM =~ ^[0-9]+$ ]] || die "--mem is a number of MB"
    [[ $TIMEOUT =~ ^[0-9]+$ ]] || die "--timeout is a number of seconds"
}

# A directory of this run alone, gone at its end; the processes of this run too.
DIR= QEMU_PID= FEEDER_PID= WATCHDOG_PID=
begin_run() {
    DIR=$(mktemp -d "${TMPDIR:-/tmp}/xenlab.XXXXXX")
    trap end_run EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}
end_run() {
    local p
    for p in $WATCHDOG_PID $QEMU_PID $FEEDER_PID; do kill "$p" 2>/dev/null || true; done
    [ -z "$QEMU_PID" ] || wait "$QEMU_PID" 2>/dev/null || true
    [ -z "$LOG" ] || [ ! -e "$DIR/xen.log" ] || cp "$DIR/xen.log" "$LOG"
    rm -rf "$DIR"
}

# A value of xl's configuration file.
quote() {
    local s=${1//\\/\\\\}
    printf '"%s"' "${s//\"/\\\"}"
}

guest_config() {
    printf 'name="guest"\ntype="pvh"\nkernel="/guests/kernel"\nmemory=%d\nvcpus=1\n' "$MEM"
    # No trapping of RDTSC, as on any machine with an invariant TSC: several times faster here.
    printf 'tsc_mode="native"\n'
    printf 'on_poweroff="preserve"\non_reboot="preserve"\non_crash="preserve"\n'
    [ -z "$CMDLINE" ] || printf 'cmdline=%s\n' "$(quote "$CMDLINE")"
    [ -z "$RAMDISK" ] || printf 'ramdisk="/guests/ramdisk"\n'
    [ -z "$VIF" ] || printf 'vif=["mac=00:16:3e:00:00:0f,bridge=xenbr0"]\n'
    local l
    for l in ${CFG[@]+"${CFG[@]}"}; do printf '%s\n' "$l"; done
}

# Makes DIR/payload of DIR/root; dom0/init says how it looks.
pack_payload() {
    (cd "$DIR/root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$DIR/cpio"
    PAYLOAD=$(stat -c %s "$DIR/cpio")
    printf 'XENLAB %d\n' "$PAYLOAD" >"$DIR/payload"
    truncate -s 4096 "$DIR/payload"
    cat "$DIR/cpio" >>"$DIR/payload"
    rm "$DIR/cpio"
    truncate -s $((PAYLOAD + 4096 > PAYLOAD_MAX ? (PAYLOAD + 8191) / 4096 * 4096 : PAYLOAD_MAX)) "$DIR/payload"
}

# The console's input: QEMU reads a FIFO that never ends; we copy into it and type Ctrl-D (twice in the middle of
# a line, as a person would) at the end. A terminal is handed to QEMU as it is. With $1 nothing is typed before the log has it.
open_input() {
    local after=${1:-}
    exec 4<&0
    [ -z "$STDIN" ] || exec 4<"$STDIN"
    if [ -t 4 ]; then
        exec 5<&4
        return
    fi
    mkfifo "$DIR/input"
    exec 5<>"$DIR/input"
    { # with its own opening of the FIFO: QEMU makes its one non-blocking
        until [ -z "$after" ] || grep -aqF "$after" "$DIR/xen.log"; do sleep 0.1; done
        exec perl "$HERE/lib/feed.pl" "$RAW"
    } <&4 >"$DIR/input" 5>&- &
    FEEDER_PID=$!
    # Nothing is lost before the guest looks: who watches the record may send (docs/image.md, "Console input").
    [ -z "$RECORD" ] || echo "unigornel: input" >>"$RECORD"
}

# Ends QEMU when the guest's time is up, which begins when the log has $1.
STARTUP=120
watchdog() {
    mkfifo "$DIR/never"
    (
        exec 6<>"$DIR/never" <&- >/dev/null
        pause() { read -r -t 0.2 -u 6 || true; } # a sleep that starts no process and so leaves none behind
        end=$((SECONDS + STARTUP))
        until grep -aq "$1" "$DIR/xen.log" || ((SECONDS >= end)); do pause; done
        end=$((SECONDS + TIMEOUT))
        while ((SECONDS < end)); do pause; done
        : >"$DIR/timeout"
        kill "$QEMU_PID"
        for _ in {1..25}; do pause; done
        kill -KILL "$QEMU_PID"
    ) 2>/dev/null &
    WATCHDOG_PID=$!
}

# Turns what happened into our exit status. $1: status of QEMU; $2: the domain.
finish() {
    local status=$1 domain=$2 record
    QEMU_PID=
    record=$(grep -a -o "($domain) unigornel: exit [0-9]\{1,3\}" "$DIR/xen.log" | tail -n 1 | grep -o '[0-9]*$') || true
    if [ -n "$record" ]; then
        [ -z "$RECORD" ] || echo "unigornel: exit $record" >>"$RECORD"
        exit "$record"
    elif [ -e "$DIR/timeout" ]; then
        echo "xenlab: timeout after $TIMEOUT s" >&2
        exit 124
    elif grep -aq 'XENLAB: xl create failed' "$DIR/xen.log"; then
        tail -n 25 "$DIR/xen.log" >&2
        die "xl could not create the domain"
    elif grep -aq '^XENLAB: xl returned\|crashed on cpu\|Hardware Dom' "$DIR/xen.log"; then
        sed -n '/Triple fault\|domain_crash\|^(XEN) d[0-9]*v[0-9]* /,$p' "$DIR/xen.log" | grep -a '^(XEN)' >&2
        echo "xenlab: the guest ended without an exit record" >&2
        exit 126
    fi
    tail -n 30 "$DIR/xen.log" >&2
    cat "$DIR/qemu.log" >&2
    die "the machine ended unexpectedly (QEMU's status $status)"
}

cmd_run() {
    parse_options "$@"
    need_lab
    begin_run
    mkdir -p "$DIR/root/guests"
    cp -L "$IMAGE" "$DIR/root/guests/kernel"
    [ -z "$RAMDISK" ] || cp -L "$RAMDISK" "$DIR/root/guests/ramdisk"
    guest_config >"$DIR/root/guests/guest.cfg"
    pack_payload
    local net=user,id=net0 f guest=$GUEST_MEM_MAX dom0=$DOM0_MEM incoming=()
    for f in ${FWD[@]+"${FWD[@]}"}; do net+=",hostfwd=tcp:127.0.0.1:${f%%:*}-10.0.2.15:${f##*:}"; done
    if ((MEM > GUEST_MEM_MAX || PAYLOAD + 4096 > PAYLOAD_MAX)); then
        COLD=1
        guest=$((MEM + 64)) dom0=$((DOM0_MEM + 2 * PAYLOAD / 1048576))
    fi
    if [ -z "$COLD" ]; then
        local snapshot
        snapshot=$(snapshot_file)
        [ -e "$snapshot" ] || make_snapshot "$snapshot"
        incoming=(-incoming "exec:cat '$snapshot'")
    fi
    note "starting the machine"
    : >"$DIR/xen.log"
    open_input
    dom0_machine run "$DIR" "$dom0" "$guest" "$net" \
        -chardev stdio,id=guest -serial "file:$DIR/xen.log" ${incoming[@]+"${incoming[@]}"} <&5 2>"$DIR/qemu.log" &
    QEMU_PID=$!
    watchdog '^Waiting for domain'
    local status=0
    wait "$QEMU_PID" || status=$?
    finish "$status" 'd[0-9]*'
}

# The image in dom0's place: the quickest way to test under Xen. What Xen and the guest print comes over one serial
# line, so that only whole lines can be told apart: this mode is for tests, not for talking to.
cmd_dom0() {
    parse_options "$@"
    [ -z "$VIF${CFG[*]-}" ] || die "dom0 has no --vif, --fwd or --cfg"
    need_lab
    begin_run
    local module
    module="$(comma "$(readlink -f "$IMAGE")") $(comma "$CMDLINE")"
    [ -z "$RAMDISK" ] || module+=",$(comma "$(readlink -f "$RAMDISK")")"
    : >"$DIR/xen.log"
    open_input 'Serial input to DOM0'
    mkfifo "$DIR/output"
    sed -u -e '/^ *(XEN) /d; /^(d[0-9]*) /d; s/\r$//; /^ Xen [0-9]/d' <"$DIR/output" &
    FILTER_PID=$!
    # A PVH dom0 insists on an IOMMU.
    qemu_base -M q35 -device amd-iommu -m $((MEM + 256)) \
        -kernel "$LAB/xen" -append "$XEN_ARGS dom0=pvh dom0_mem=${MEM}M,max:${MEM}M" -initrd "$module" \
        -chardev "stdio,id=console,logfile=$(comma "$DIR/xen.log")" -serial chardev:console <&5 >"$DIR/output" 2>"$DIR/qemu.log" &
    QEMU_PID=$!
    watchdog 'Serial input to DOM0'
    local status=0
    wait "$QEMU_PID" || status=$?
    wait "$FILTER_PID" || true
    finish "$status" d0
}

cmd_shell() {
    local f n
    LOG=
    for f in "$@"; do [ -r "$f" ] || die "cannot read $f"; done
    need_lab
    begin_run
    mkdir -p "$DIR/root/guests"
    for f in "$@"; do
        n=$(basename "$f")
        cp -L "$f" "$DIR/root/guests/$n"
        printf 'name="%s"\ntype="pvh"\nkernel="/guests/%s"\nmemory=256\ntsc_mode="native"\ncmdline=""\n' "$n" "$n" \
            >"$DIR/root/guests/$n.cfg"
    done
    pack_payload
    (dom0_machine shell "$DIR" $((DOM0_MEM + 2 * PAYLOAD / 1048576)) $GUEST_MEM_MAX user,id=net0 \
        -chardev null,id=guest -serial mon:stdio)
}
