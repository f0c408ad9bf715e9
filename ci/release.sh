#!/usr/bin/env bash
# What a release consists of: ci/release.sh vX.Y.Z FOLDER makes the package, a tarball of the program,
# one of the sources, and SHA256SUMS over them.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
[ $# -eq 2 ] || {
    echo "usage: $0 vX.Y.Z FOLDER" >&2
    exit 2
}
tag=$1
version=$(sed -n 's/^project(xsgate VERSION \([0-9.]*\) .*/\1/p' "$top/CMakeLists.txt")
[ "$tag" = "v$version" ] || {
    echo "release: the tag is $tag, CMakeLists.txt says $version" >&2
    exit 1
}
mkdir -p "$2"
out=$(cd "$2" && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
"$top/ci/build.sh" "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF
(cd "$build" && cpack -G DEB >/dev/null && cpack -G TGZ >/dev/null)
cp "$build"/xsgate*.deb "$build"/xsgate*.tar.gz "$out"
git -C "$top" archive --prefix="xsgate-$version/" -o "$out/xsgate-$version-source.tar.gz" HEAD
(cd "$out" && rm -f SHA256SUMS && sha256sum -- *.deb *.tar.gz >SHA256SUMS && cat SHA256SUMS)
