#!/usr/bin/env bash
# Runs a command in a fresh minimal Debian with a copy of this checkout in /src, as root:
#
#   tools/fresh_root.sh SUITE WHO COMMAND
#
# SUITE: bookworm, trixie. WHO: root; root-confined (without the right to make network namespaces, as in a container);
# user (an ordinary one, for whom python3-venv and git are there). A pristine root of each suite is kept
# in $ROOTS (/var/tmp/roots) and copied for each run; what the run leaves is removed.
set -euo pipefail
suite=$1 who=$2 command=$3
roots=${ROOTS:-/var/tmp/roots}
mirror=${MIRROR:-http://deb.debian.org/debian}
source=$(cd "$(dirname "$0")/.." && pwd)

if [[ ! -e $roots/$suite/.complete ]]; then
    rm -rf "${roots:?}/$suite" && mkdir -p "$roots"
    debootstrap --variant=minbase --include=ca-certificates,make "$suite" "$roots/$suite" "$mirror" >"$roots/$suite.log"
    touch "$roots/$suite/.complete"
fi
root=$roots/$suite-$who-$$
trap 'rm -rf --one-file-system "$root"' EXIT
cp -a "$roots/$suite" "$root"
mkdir "$root/src" "$root/.old"
git -C "$source" archive HEAD | tar -x -C "$root/src"
[[ ${WITH_DIST:-} ]] && cp -r "$source/dist" "$root/src/"
[[ -d $source/../shared && ${WITH_SHARED:-} ]] && mkdir "$root/shared" # bound below
# What pip needs here to reach the index: the machine's own certificates and configuration.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
for file in /etc/pip.conf /etc/xdg/pip/pip.conf /etc/xdg/pip/constraints.txt; do
    [[ -e $file ]] && mkdir -p "$root$(dirname "$file")" && cp "$file" "$root$file"
done
cp /etc/resolv.conf "$root/etc/"
chroot "$root" useradd --create-home visitor
chroot "$root" chown -R visitor /src

case $who in
    root) run=(bash -c "$command") ;;
    root-confined) run=(setpriv --bounding-set -sys_admin,-net_admin bash -c "$command") ;;
    user)
        chroot "$root" bash -c "apt-get -qq update && apt-get -qq -y install --no-install-recommends python3-venv git" >/dev/null 2>&1
        run=(env HOME=/home/visitor runuser -u visitor -- bash -c "$command")
        ;;
    *) echo "WHO is root, root-confined or user, not $who" >&2 && exit 2 ;;
esac
[[ $who == root* ]] && chown -R root "$root/src"

export root WITH_SHARED SHARED=$source/../shared
unshare --mount --pid --fork --kill-child bash -euc '
    mount --bind "$root" "$root" && cd "$root"
    mount -t proc proc proc && mount --rbind /dev dev && mount -t sysfs sysfs sys && mount -t tmpfs tmpfs run
    [[ -d shared ]] && mount --bind "$SHARED" shared
    pivot_root . .old && cd /src && umount -l /.old
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 \
        PIP_DISABLE_PIP_VERSION_CHECK=1 "$@"
' fresh "${run[@]}"
