# The commands run, dom0 and shell. Sourced by ../xenlab.

parse_options() {
    MEM=256 CMDLINE= RAMDISK= STDIN= RAW= RECORD= TIMEOUT=120 LOG= VIFS=() FWD=() TAP= PCAP= CFG=() COLD= IMAGE=
    RUNDIR= HOLD= BEFORE=() DISK_FILE=() DISK_OPTIONS=() DISK_SECTOR=() DISK_MODE=() DISK_BLANK=()
    while (($#)); do
        case $1 in
            --mem | --cmdline | --ramdisk | --stdin | --record | --timeout | --log | --fwd | --cfg | --disk | --spare | --tap | --pcap | --dir | --before)
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
            --dir) RUNDIR=$2 && shift 2 ;;
            --hold) HOLD=1 && shift ;;
            --before) BEFORE+=("$2") && shift 2 ;;
            --vif) VIFS+=("") && shift ;;
            --vif=*) VIFS+=("${1#--vif=}") && shift ;;
            --fwd) FWD+=("$2") && shift 2 ;;
            --tap) TAP=$2 && shift 2 ;;
            --pcap) PCAP=$2 && shift 2 ;;
            --disk) add_disk guest "$2" && shift 2 ;;
            --spare) add_disk spare "$2" && shift 2 ;;
            --cfg) CFG+=("$2") && shift 2 ;;
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
    [ -n "$IMAGE" ] || [ -n "$HOLD" ] || die "which image?"
    local f
    for f in ${IMAGE:+"$IMAGE"} ${RAMDISK:+"$RAMDISK"} ${STDIN:+"$STDIN"}; do [ -r "$f" ] || die "cannot read $f"; done
    [[ $MEM =~ ^[0-9]+$ ]] || die "--mem is a number of MB"
    [[ $TIMEOUT =~ ^[0-9]+$ ]] || die "--timeout is a number of seconds"
    ((${#DISK_FILE[@]} <= DISKS)) || die "no more than $DISKS disks"
    [ -z "$TAP" ] || [ ${#FWD[@]} = 0 ] || die "--fwd is for user networking, --tap for a network of your own"
    if [ ${#FWD[@]} != 0 ] && [ ${#VIFS[@]} = 0 ]; then VIFS=(""); fi
}

# FILE[:ro][:4k] or blank:SIZE[:4k]; blank ones are made when there is a directory for them.
add_disk() {
    local spec=$2 options= sector=512 mode=w blank=
    while :; do
        case $spec in
            *:ro) mode=r options=,readonly=on ;;
            *:4k) sector=4096 ;;
            *) break ;;
        esac
        spec=${spec%:*}
    done
    if [[ $spec == blank:* ]]; then
        blank=${spec#blank:}
        [[ $blank =~ ^[0-9]+[KMG]?$ ]] || die "$blank is no size (64M)"
        spec=
    else
        [ -r "$spec" ] || die "cannot read $spec"
        spec=$(readlink -f "$spec")
        (($(stat -Lc %s "$spec") % sector == 0)) || die "$spec is not made of whole sectors"
    fi
    [ "$1" = guest ] || mode=
    DISK_FILE+=("$spec") DISK_OPTIONS+=("$options") DISK_SECTOR+=("$sector") DISK_MODE+=("$mode") DISK_BLANK+=("$blank")
}

make_blanks() {
    local i
    for i in "${!DISK_FILE[@]}"; do
        [ -n "${DISK_BLANK[i]}" ] || continue
        DISK_FILE[i]=$DIR/disk$i
        truncate -s "${DISK_BLANK[i]}" "$DIR/disk$i"
    done
}

# A directory of this run alone, gone at its end; the processes of this run too. One that the caller has chosen stays, with
# the log in it, and says that the run has ended.
DIR= QEMU_PID= FEEDER_PID= WATCHDOG_PID=
begin_run() {
    if [ -n "${RUNDIR:-}" ]; then
        mkdir -p "$RUNDIR"
        [ -z "$(ls -A "$RUNDIR")" ] || die "$RUNDIR is not empty"
        DIR=$(readlink -f "$RUNDIR")
    else
        DIR=$(mktemp -d "${TMPDIR:-/tmp}/xenlab.XXXXXX")
    fi
    trap end_run EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    make_blanks
}
end_run() {
    local p
    for p in $WATCHDOG_PID $QEMU_PID $FEEDER_PID; do kill "$p" 2>/dev/null || true; done
    [ -z "$QEMU_PID" ] || wait "$QEMU_PID" 2>/dev/null || true
    [ -z "$LOG" ] || [ ! -e "$DIR/xen.log" ] || cp "$DIR/xen.log" "$LOG"
    if [ -n "${RUNDIR:-}" ]; then
        : >"$DIR/ended"
        find "$DIR" -mindepth 1 ! -name xen.log ! -name ended -delete
    else
        rm -rf "$DIR"
    fi
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
    local l i list= drives=bcdefghijk guest=0
    for i in "${!VIFS[@]}"; do
        l=${VIFS[i]}
        [[ $l == *mac=* ]] || l+="${l:+,}mac=00:16:3e:00:00:$(printf %02x $((15 + i)))"
        [[ $l == *bridge=* ]] || l+=",bridge=xenbr0"
        list+="$(quote "$l"),"
    done
    [ -z "$list" ] || printf 'vif=[%s]\n' "$list"
    list=
    for i in "${!DISK_FILE[@]}"; do
        [ -n "${DISK_MODE[i]}" ] || continue
        l=abcdefghij
        list+="\"phy:/dev/vd${drives:i:1},xvd${l:guest++:1},${DISK_MODE[i]}\","
    done
    [ -z "$list" ] || printf 'disk=[%s]\n' "$list"
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
        # Where it stands: what moves between the two readings does not hang.
        grep -aq '^XENLAB: takes commands' "$DIR/xen.log" && timeout 20 "$HERE/xenlab" exec "$DIR" sh -c 'xl list
            for i in 1 2; do xenctx -a "$(xl domid guest)" 0; usleep 100000; done' >"$DIR/state" 2>&1 6>&-
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
    if [ -e "$DIR/timeout" ]; then
        [ ! -e "$DIR/state" ] || cat "$DIR/state" >&2
        echo "xenlab: timeout after $TIMEOUT s" >&2
        exit 124
    elif [ -n "$record" ]; then
        [ -z "$RECORD" ] || echo "unigornel: exit $record" >>"$RECORD"
        exit "$record"
    elif grep -aq 'XENLAB: xl create failed' "$DIR/xen.log"; then
        tail -n 25 "$DIR/xen.log" >&2
        die "xl could not create the domain"
    elif grep -aq '^XENLAB: xl returned\|crashed on cpu\|Hardware Dom' "$DIR/xen.log"; then
        sed -n '/Triple fault\|domain_crash\|^(XEN) d[0-9]*v[0-9]* /,$p' "$DIR/xen.log" | grep -a '^(XEN)' >&2
        echo "xenlab: the guest ended without an exit record" >&2
        exit 126
    elif [ -n "$HOLD" ] && grep -aq '^XENLAB: end' "$DIR/xen.log"; then
        exit 0
    fi
    tail -n 30 "$DIR/xen.log" >&2
    cat "$DIR/qemu.log" >&2
    die "the machine ended unexpectedly (QEMU's status $status)"
}

# The outer network as QEMU's netdev "net0".
outer_network() {
    local f port udp
    if [ -n "$TAP" ]; then
        printf 'tap,id=net0,ifname=%s,script=no,downscript=no' "$TAP"
        return
    fi
    printf 'user,id=net0'
    for f in ${FWD[@]+"${FWD[@]}"}; do
        udp=tcp
        [[ $f != */udp ]] || udp=udp
        f=${f%/*}
        port=${f%:*}
        [[ $port == *:* ]] || port=127.0.0.1:$port
        printf ',hostfwd=%s:%s-10.0.2.15:%s' "$udp" "$port" "${f##*:}"
    done
}

cmd_run() {
    parse_options "$@"
    need_lab
    begin_run
    local l net guest=$GUEST_MEM_MAX dom0=$DOM0_MEM more=()
    mkdir -p "$DIR/root/guests"
    if [ -n "$IMAGE" ]; then
        cp -L "$IMAGE" "$DIR/root/guests/kernel"
        [ -z "$RAMDISK" ] || cp -L "$RAMDISK" "$DIR/root/guests/ramdisk"
        guest_config >"$DIR/root/guests/guest.cfg"
    fi
    for l in ${BEFORE[@]+"${BEFORE[@]}"}; do printf '%s\n' "$l" >>"$DIR/root/guests/before"; done
    printf 'DISKS=%d HOLD=%s CREATE=%s\n' ${#DISK_FILE[@]} "$HOLD" "${IMAGE:+1}" >"$DIR/root/guests/job"
    pack_payload
    net=$(outer_network)
    [ -z "$PCAP" ] || more=(-object "filter-dump,id=pcap,netdev=net0,file=$(comma "$(readlink -f "$PCAP")")")
    if ((MEM > GUEST_MEM_MAX || PAYLOAD + 4096 > PAYLOAD_MAX)); then
        COLD=1
        guest=$((MEM + 64)) dom0=$((DOM0_MEM + 2 * PAYLOAD / 1048576))
    fi
    if [ -z "$COLD" ]; then
        need_snapshot "$([ -n "$TAP" ] && echo tap || echo user)"
        more+=(-incoming "exec:cat '$SNAPSHOT'")
    fi
    note "starting the machine"
    : >"$DIR/xen.log"
    open_input
    dom0_machine run "$DIR" "$dom0" "$guest" "$net" \
        -chardev stdio,id=guest -serial "file:$DIR/xen.log" ${more[@]+"${more[@]}"} <&5 2>"$DIR/qemu.log" &
    QEMU_PID=$!
    watchdog "$([ -n "$IMAGE" ] && echo '^Waiting for domain' || echo 'XENLAB: dom0 ready')"
    local status=0
    wait "$QEMU_PID" || status=$?
    finish "$status" 'd[0-9]*'
}

# Commands for the dom0 of a run with --dir.
cmd_exec() {
    [ $# -ge 1 ] || die "exec RUNDIR [--] COMMAND..."
    local dir=$1
    shift
    [ "${1:-}" != -- ] || shift
    [ $# -ge 1 ] || die "which command?"
    exec perl "$HERE/lib/exec.pl" "$dir" "$@"
}

cmd_end() {
    [ $# = 1 ] || die "end RUNDIR"
    cmd_exec "$1" sh -c 'echo >/run/end' </dev/null
}

# The image in dom0's place: the quickest way to test under Xen. What Xen and the guest print comes over one serial
# line, so that only whole lines can be told apart: this mode is for tests, not for talking to.
cmd_dom0() {
    parse_options "$@"
    [ -z "${VIFS[*]-}${CFG[*]-}${DISK_FILE[*]-}$HOLD$TAP" ] || die "dom0 mode has no devices and no xl"
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
        -kernel "$LAB/xen" -append "$(xen_args) dom0=pvh dom0_mem=${MEM}M,max:${MEM}M" -initrd "$module" \
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
