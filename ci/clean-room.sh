#!/usr/bin/env bash
# Proves the set-up on a bare Debian 12: debootstrap (minbase) into a temporary folder, the committed
# tree inside, then README's commands. Needs root and the package debootstrap.
#   ci/clean-room.sh [--test] [--suite NAME] [--mirror URL] [--cache FOLDER] [--keep]
# --test runs ci/test.sh as well as ci/quickstart.sh. --cache keeps downloaded packages between runs.
# Sources, keys and proxies of this machine's apt are used inside, so that it works where only a
# mirror is reachable. Everything runs in a mount and process namespace of its own: when it ends, in
# whatever way, its mounts and processes are gone before the folder is removed.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)

die() {
    echo "clean-room: $*" >&2
    exit 1
}

# The first Debian archive in this machine's apt sources.
host_mirror() {
    {
        sed -n 's/^[[:space:]]*deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\)[[:space:]].*/\2/p' \
            /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || :
        sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' \
            /etc/apt/sources.list.d/*.sources 2>/dev/null || :
    } | grep -E '/debian/?$' | head -n 1
}

# Only what says how to reach packages: hooks and habits of this machine stay outside.
copy_apt_settings() {
    local root=$1 file
    for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
        if [ -f "$file" ] && grep -q '^[[:space:]]*Acquire' "$file"; then
            install -D -m 644 "$file" "$root$file"
        fi
    done
    for file in /etc/apt/auth.conf /etc/apt/auth.conf.d /etc/apt/trusted.gpg /etc/apt/trusted.gpg.d \
        /etc/apt/keyrings /etc/resolv.conf /etc/hosts; do
        if [ -e "$file" ]; then
            cp -rLT "$file" "$root$file"
        fi
    done
    if [ -n "$own_sources" ]; then
        rm -f "$root/etc/apt/sources.list"
        for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
            [ ! -f "$file" ] || install -D -m 644 "$file" "$root$file"
        done
    fi
}

# Inside the namespaces: $1 is the room. Ends with the status of what ran in it.
inside() {
    local root=$1 command
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t sysfs -o ro sysfs "$root/sys" 2>/dev/null || :
    if [ -n "$cache" ]; then
        mount --bind "$cache" "$root/var/cache/apt/archives"
        echo 'Binary::apt-get::APT::Keep-Downloaded-Packages "true";' >"$root/etc/apt/apt.conf.d/99keep"
    fi
    shift
    for command in "$@"; do
        printf 'clean-room: %s\n' "$command"
        local before=$SECONDS
        chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
            PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "cd /root/xsgate && exec $command" </dev/null ||
            die "$command failed with status $? after $((SECONDS - before)) s"
        printf 'clean-room: %s succeeded in %d s\n' "$command" $((SECONDS - before))
    done
}

suite=bookworm mirror='' cache=${XSGATE_CLEAN_ROOM_CACHE:-} keep='' commands=(ci/quickstart.sh)
if [ "${1:-}" = --inside ]; then
    cache=$2
    shift 2
    inside "$@"
    exit
fi
while [ $# -gt 0 ]; do
    case $1 in
    --test) commands+=(ci/test.sh) ;;
    --test-only) commands=(ci/test.sh) ;;
    --keep) keep=1 ;;
    --suite | --mirror | --cache)
        [ $# -ge 2 ] || die "$1 needs a value"
        printf -v "${1#--}" %s "$2"
        shift
        ;;
    *) die "unknown argument $1; see the head of $0" ;;
    esac
    shift
done

[ "$(id -u)" -eq 0 ] || die "needs root (debootstrap and chroot)"
command -v debootstrap >/dev/null || die "needs debootstrap: apt-get install debootstrap"
unshare --mount --pid --fork true 2>/dev/null || die "this machine allows no mount namespaces (unshare)"
own_sources=
if [ -z "$mirror" ]; then
    mirror=$(host_mirror) || :
    own_sources=1
    [ -n "$mirror" ] || die "no Debian archive in this machine's apt sources: give --mirror URL"
fi
if [ -n "$cache" ]; then
    mkdir -p "$cache/partial"
    cache=$(cd "$cache" && pwd -P)
fi

child=
room=$(mktemp -d "${TMPDIR:-/tmp}/xsgate-clean-room.XXXXXX")
# It becomes "/": a test that gives up root for another user must pass through it.
chmod 755 "$room"
clean() {
    # unshare hears no other signal; its namespace ends with it.
    if [ -n "$child" ] && kill -KILL "$child" 2>/dev/null; then
        wait "$child" || :
    fi
    if grep -q " $room" /proc/self/mounts; then
        echo "clean-room: something is still mounted below $room; it is left alone" >&2
    elif [ -n "$keep" ]; then
        echo "clean-room: kept $room" >&2
    else
        rm -rf --one-file-system "$room"
    fi
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

started=$SECONDS
debootstrap --variant=minbase ${cache:+--cache-dir="$cache"} "$suite" "$room" "$mirror" >"$room.log" 2>&1 || {
    tail -n 20 "$room.log" >&2
    rm -f "$room.log"
    die "debootstrap failed"
}
rm -f "$room.log"
printf 'clean-room: %s in %d s\n' "$suite (minbase)" $((SECONDS - started))
copy_apt_settings "$room"
mkdir -p "$room/root/xsgate"
git -C "$top" archive HEAD | tar -x -C "$room/root/xsgate"
# test.sh asks git for the list of files, as in a clone.
if command -v git >/dev/null; then
    git -C "$room/root/xsgate" -c init.defaultBranch=main init -q
    git -C "$room/root/xsgate" add -A
    git -C "$room/root/xsgate" -c user.name=clean-room -c user.email=clean-room@localhost commit -q -m tree
fi
# In the background: bash hears a signal in wait, not in front of a running command.
unshare --mount --pid --fork --kill-child "$0" --inside "$cache" "$room" "${commands[@]}" &
child=$!
wait "$child"
