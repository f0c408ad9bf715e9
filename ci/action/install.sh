#!/usr/bin/env bash
# The action's second step: a released package whose hash is known, or a build of the action's own
# commit, or what an earlier run built.
set -eu

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)

install_package() {
    local package=$XSGATE_INPUT_DEB folder
    case $package in
    https://*)
        folder=$(mktemp -d)
        curl --fail --silent --show-error --location --proto '=https' --proto-redir '=https' \
            --retry 3 --max-time 300 --output "$folder/xsgate.deb" "$package"
        package=$folder/xsgate.deb
        ;;
    esac
    printf '%s  %s\n' "$XSGATE_INPUT_DEB_SHA256" "$package" | sha256sum --check --quiet - || {
        echo '::error title=xsgate::the package is not the one whose SHA-256 was given'
        return 1
    }
    "${as_root[@]}" apt-get -q update
    "${as_root[@]}" apt-get -q install -y --no-install-recommends "$(realpath "$package")"
}

if [ -n "$XSGATE_INPUT_DEB" ]; then
    install_package
else
    "${GITHUB_ACTION_PATH:?}/ci/setup.sh" core
    if [ ! -x "$XSGATE_PREFIX/bin/xsgate" ]; then
        build=$(mktemp -d)
        "${GITHUB_ACTION_PATH:?}/ci/build.sh" "$build" -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo \
            -DCMAKE_INSTALL_PREFIX="$XSGATE_PREFIX" -DCMAKE_INSTALL_LIBDIR=lib
        cmake --install "$build" >"$build/install.log"
        rm -rf "$build"
    fi
    printf '%s\n' "$XSGATE_PREFIX/bin" >>"${GITHUB_PATH:?}"
    PATH=$XSGATE_PREFIX/bin:$PATH
    # So that the project's build finds <xsgate/profile.h>, xsgate.pc and the CMake package.
    {
        printf 'CPATH=%s\n' "$XSGATE_PREFIX/include${CPATH:+:$CPATH}"
        printf 'PKG_CONFIG_PATH=%s\n' "$XSGATE_PREFIX/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
        printf 'CMAKE_PREFIX_PATH=%s\n' "$XSGATE_PREFIX${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}"
    } >>"${GITHUB_ENV:?}"
fi
xsgate --version
