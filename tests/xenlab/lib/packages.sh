# Which packages the lab is made of, and where they come from. Sourced by ../xenlab.
#
# Nothing is installed: packages are downloaded with apt-get and unpacked with dpkg. Names that carry a
# version are derived from what apt offers, so that the lab follows the distribution, if that is Debian.

# Commands of the host that building and running need, with their packages.
HOST_TOOLS="qemu-system-x86_64=qemu-system-x86 cpio=cpio xz=xz-utils zstd=zstd depmod=kmod readelf=binutils gcc=gcc flock=util-linux perl=perl-base"

cmd_packages() {
    local t out=
    for t in $HOST_TOOLS; do out+="${t#*=} "; done
    echo "${out% } libc6-dev"
}

require_tools() {
    local t missing=
    for t in $HOST_TOOLS; do
        PATH=$PATH:/sbin:/usr/sbin command -v "${t%%=*}" >/dev/null || missing+=" ${t#*=}"
    done
    [ -z "$missing" ] || die "missing programs; type: sudo apt-get install$missing"
}

DEBIAN=bookworm
DEBIAN_KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

# On other distributions apt looks at lists of our own, of Debian: Ubuntu's kernel, for one, takes only such virtio devices in a
# dom0 as have their backend in a domain. Sets OWN_APT there.
use_debian() {
    local apt=$CACHE/apt
    [ "$(. /etc/os-release && echo "${ID:-}")" != debian ] || return 0
    [ -r $DEBIAN_KEYS ] || die "the lab is made from Debian's packages, and their keys are missing; type: sudo apt-get install debian-archive-keyring"
    OWN_APT=$apt
    mkdir -p "$apt"/{etc/{apt.conf,preferences}.d,state/lists/partial,cache/archives/partial}
    : >"$apt/status"
    echo "deb [arch=amd64 signed-by=$DEBIAN_KEYS] http://deb.debian.org/debian $DEBIAN main" >"$apt/etc/sources.list"
    printf '%s "%s";\n' Dir::State "$apt/state" Dir::State::status "$apt/status" Dir::Cache "$apt/cache" Dir::Etc "$apt/etc" \
        APT::Architecture amd64 APT::Sandbox::User root >"$apt/apt.conf"
    export APT_CONFIG=$apt/apt.conf
}

# Gets new package lists if we may. Says what to type if not.
refresh_lists() {
    local as_root=()
    [ "$(id -u)" = 0 ] || [ -n "${OWN_APT:-}" ] || as_root=(sudo -n)
    echo "xenlab: the package lists are missing or old: apt-get update" >&2
    "${as_root[@]}" apt-get update -qq >&2 ||
        die "apt has no current package lists${OWN_APT:+ of Debian}; type: sudo ${OWN_APT:+APT_CONFIG=$APT_CONFIG }apt-get update"
}

# (Nothing here stops reading a pipe early: with pipefail the writer's SIGPIPE would count.)
have_lists() { [ -n "$(apt-cache policy bash 2>/dev/null | grep -E ' (http|https|ftp|file|copy|cdrom|mirror)[+:]')" ]; }

# First dependency of package $1 that matches $2, or nothing.
dependency() { apt-cache depends "$1" 2>/dev/null | awk -v p="$2" '$1 == "Depends:" && $2 ~ p && !n++ {print $2}'; }

# Sets XEN_PACKAGE, XEN_VERSION (4.17), KERNEL_PACKAGE.
find_roots() {
    command -v apt-cache >/dev/null || die "the lab is made from Debian packages, and this system has no apt"
    use_debian
    have_lists || refresh_lists
    XEN_PACKAGE=$(dependency xen-system-amd64 '^xen-hypervisor-4')
    [ -n "$XEN_PACKAGE" ] ||
        die "this distribution has no Xen packages (xen-system-amd64); the lab needs Debian 12 or later"
    KERNEL_PACKAGE=$(dependency linux-image-amd64 '^linux-image-[0-9]')
    [ -n "$KERNEL_PACKAGE" ] || die "this distribution has no kernel package (linux-image-amd64)"
    XEN_VERSION=$(sed 's/^xen-hypervisor-\([0-9.]*\)-amd64$/\1/' <<<"$XEN_PACKAGE")
}

# All packages of the lab: the programs by name, the libraries they may need by following dependencies.
list_packages() {
    local programs="xen-utils-$XEN_VERSION xen-utils-common xenstore-utils bash iproute2 util-linux mount"
    {
        printf '%s\n' "$XEN_PACKAGE" "$KERNEL_PACKAGE" $programs busybox-static
        apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
            --no-enhances $programs libgcc-s1 2>/dev/null |
            grep -E '^(lib|zlib1g)' | grep -vE '^lib(python|perl|ssl|gmp|mpfr|pam|semanage|sepol|debian|slang|newt|ncurses|readline)'
    } | sort -u
}

# "package version" of what apt would download, one a line: what the lab's key is made from.
list_versions() {
    apt-cache policy $(list_packages) |
        awk '/^[^ ]/ {sub(/:$/, ""); p = $0} $1 == "Candidate:" && $2 != "(none)" {print p, $2}'
}

# Downloads into $1 what is not there yet, and removes what is not in the list on stdin. False if that fails.
download_packages() {
    local dir=$1 p v file want=() keep=
    mkdir -p "$dir"
    while read -r p v; do
        file=${p}_${v//:/%3a}_
        keep+=" $file "
        compgen -G "$dir/$file*.deb" >/dev/null || want+=("$p=$v")
    done
    for file in "$dir"/*.deb; do
        [ -e "$file" ] || continue
        p=${file##*/}
        [[ $keep == *" ${p%_*}_ "* ]] || rm -f "$file"
    done
    [ ${#want[@]} = 0 ] && return
    echo "xenlab: downloading ${#want[@]} packages" >&2
    (cd "$dir" && apt-get -o APT::Sandbox::User=root download -qq "${want[@]}") >&2
}
