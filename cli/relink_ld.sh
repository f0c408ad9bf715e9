#!/bin/sh
# Stands before the linker while xsgate builds a program in another layout: XSGATE_LAYOUT=1, 2, ...
# The object files come in another order, and some bytes of code before all of them. What the linker
# does not take that way is linked as it was meant to be: nothing may break by this.
set -f

here=${0%/*}
name=${0##*/}

# Where the compiler would have found it: gcc tells its own folders in COMPILER_PATH.
find_tool() {
    found=
    IFS=:
    for folder in $COMPILER_PATH $PATH; do
        folder=${folder%/}
        if [ "$folder" != "$here" ] && [ -f "$folder/$1" ] && [ -x "$folder/$1" ]; then
            found=$folder/$1
            break
        fi
    done
    IFS=' '
}

find_tool "$name"
linker=$found
if [ -z "$linker" ] || [ -n "$XSGATE_LAYOUT_LINKING" ]; then
    echo "xsgate: there is no linker '$name'" >&2
    exit 127
fi
case $XSGATE_LAYOUT in
[1-9]) ;;
*) exec "$linker" "$@" ;;
esac
XSGATE_LAYOUT_LINKING=1 # a linker that is found again as this script must not run for ever
export XSGATE_LAYOUT_LINKING

# The numbers of the arguments that are object files of the project. Start files stay where they
# are, and so do libraries, whose order has a meaning, and what stands in a response file.
slots=
n=0
first=
number=0
previous=
for argument; do
    number=$((number + 1))
    option=$previous
    previous=$argument
    case $option in
    -o | -T | -R | -b | -e | -h | -m | -u | -y | -z | -A | -F | -G | -L | -Map | -soname | -plugin | \
        --output | --script | --just-symbols | --format | --entry | --undefined | --version-script | \
        --dynamic-list | --retain-symbols-file | -rpath | -rpath-link | -dynamic-linker | -assert)
        continue
        ;;
    esac
    case $argument in
    -r | -i | -Ur | -relocatable | --relocatable) exec "$linker" "$@" ;;
    @*) first=${first:-$number} ;;
    -*) ;;
    *.o | *.obj | *.lo)
        case ${argument##*/} in
        crt*.o | *crt1.o) ;;
        *)
            slots="$slots$number "
            first=${first:-$number}
            n=$((n + 1))
            ;;
        esac
        ;;
    esac
done
[ -n "$first" ] || exec "$linker" "$@"

# The order: from the last to the first, and in later layouts turned round, too.
order=
for number in $slots; do
    order="$number $order"
done
turns=0
while [ "$n" -gt 0 ] && [ "$turns" -lt $(((XSGATE_LAYOUT - 1) % n)) ]; do
    order="${order#* }${order%% *} "
    turns=$((turns + 1))
done

# Code goes by 16 bytes in most builds, and by 64 in caches: three layouts see all other places.
pad=$(mktemp "${TMPDIR:-/tmp}/xsgate-pad.XXXXXX") || pad=
trap '[ -z "$pad" ] || rm -f "$pad"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
find_tool as
if [ -n "$pad" ] && [ -n "$found" ]; then
    printf '%s\n' '.section .text.unlikely.xsgate,"ax",%progbits' \
        '.globl xsgate_layout_pad' '.hidden xsgate_layout_pad' 'xsgate_layout_pad:' \
        ".skip $((1072 * XSGATE_LAYOUT))" '.section .note.GNU-stack,"",%progbits' |
        "$found" -o "$pad" - 2>/dev/null || found=
fi

# Arguments by number, so that no file's name is ever read by the shell.
words=
number=0
while [ "$number" -lt $# ]; do
    number=$((number + 1))
    if [ "$number" = "$first" ] && [ -n "$pad" ] && [ -n "$found" ]; then
        words="$words -u xsgate_layout_pad \"\$pad\""
    fi
    if [ "$number" = "${slots%% *}" ]; then
        slots=${slots#* }
        words="$words \"\${${order%% *}}\""
        order=${order#* }
    else
        words="$words \"\${$number}\""
    fi
done
if eval "\"\$linker\" $words" 2>/dev/null; then
    exit 0
fi
"$linker" "$@"
