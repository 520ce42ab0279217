# Which packages the lab is made of, and where they come from. Sourced by ../xenlab.
#
# Nothing is installed: packages are downloaded with apt-get and unpacked with dpkg. Names that carry a
# version are derived from what apt offers, so that the lab follows the distribution.

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

# First dependency of package $1 that matches $2, or nothing.
dependency() { apt-cache depends "$1" 2>/dev/null | awk -v p="$2" '$1 == "Depends:" && $2 ~ p {print $2; exit}'; }

# Sets XEN_PACKAGE, XEN_VERSION (4.17), KERNEL_PACKAGE.
find_roots() {
    command -v apt-cache >/dev/null || die "the lab is made from Debian packages, and this system has no apt"
    XEN_PACKAGE=$(dependency xen-system-amd64 '^xen-hypervisor-4')
    KERNEL_PACKAGE=$(dependency linux-image-amd64 '^linux-image-[0-9]')
    [ -n "$KERNEL_PACKAGE" ] || KERNEL_PACKAGE=$(dependency linux-image-generic '^linux-image-[0-9]') # Ubuntu
    if [ -z "$XEN_PACKAGE" ] || [ -z "$KERNEL_PACKAGE" ]; then
        if [ -z "$(apt-cache policy bash 2>/dev/null | grep -E '(http|https|ftp|file|copy|mirror)')" ]; then
            die "apt has no package lists; type: sudo apt-get update"
        fi
        die "this distribution offers no ${XEN_PACKAGE:+Linux kernel}${XEN_PACKAGE:-Xen (xen-system-amd64)} package; the lab needs Debian 12 or later, or Ubuntu with 'universe'"
    fi
    XEN_VERSION=$(sed 's/^xen-hypervisor-\([0-9.]*\)-amd64$/\1/' <<<"$XEN_PACKAGE")
}

# All packages of the lab: the programs by name, the libraries they may need by following dependencies.
list_packages() {
    local programs="xen-utils-$XEN_VERSION xen-utils-common xenstore-utils bash iproute2 util-linux mount"
    local modules
    modules=$(dependency "$KERNEL_PACKAGE" '^linux-modules-[0-9]') # Ubuntu keeps them apart
    {
        printf '%s\n' "$XEN_PACKAGE" "$KERNEL_PACKAGE" $modules $programs busybox-static
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

# Downloads into $1 what is not there yet, and removes what is not in the list on stdin.
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
    (cd "$dir" && apt-get -o APT::Sandbox::User=root download -qq "${want[@]}") >&2 ||
        die "download failed (stale package lists? type: sudo apt-get update)"
}
