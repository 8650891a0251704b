#!/usr/bin/env bash
# Installs the arm64 package in dist/ in a fresh arm64 root of Debian 12 under qemu-user, as root, and runs it there:
# its version, a capture, sessions in memory. Needs debootstrap and qemu-user-static.
set -euo pipefail
cd "$(dirname "$0")/.."
roots=${ROOTS:-/var/tmp/roots}
pristine=$roots/bookworm-arm64
package=$(ls dist/v2g_*-1_arm64.deb)

root=$pristine-$$ registered=
trap '[[ $registered ]] && echo -1 >/proc/sys/fs/binfmt_misc/v2g-aarch64; rm -rf --one-file-system "$root"' EXIT
if [[ ! -e $pristine/.complete ]]; then
    rm -rf --one-file-system "$pristine" && mkdir -p "$roots"
    debootstrap --arch=arm64 --variant=minbase --foreign --include=adduser,python3 bookworm "$pristine" \
        "${MIRROR:-http://deb.debian.org/debian}" >"$pristine.log"
fi
if ! chroot "$pristine" /bin/true 2>/dev/null; then # the kernel does not know yet what to do with arm64's programs
    mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    echo ":v2g-aarch64:M::$magic:$mask:/usr/bin/qemu-aarch64-static:F" >/proc/sys/fs/binfmt_misc/register
    registered=yes
fi
if [[ ! -e $pristine/.complete ]]; then
    chroot "$pristine" /debootstrap/debootstrap --second-stage >>"$pristine.log"
    touch "$pristine/.complete"
fi
cp -a "$pristine" "$root"
cp "$package" "$root/tmp/"
export root
unshare --mount --pid --fork --kill-child bash -euc '
    mount -t proc proc "$root/proc"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 chroot "$root" bash -euc "
        uname -m
        dpkg --install /tmp/v2g_*.deb >/tmp/install.log 2>&1 || { cat /tmp/install.log; exit 1; }
        v2g --version
        v2g decode --protocol sap --hex 80400040
        v2g mishaps --runs 3 --seed 7
    "
' && echo "installed and run: Debian 12 on $(chroot "$root" uname -m), under qemu-user"
