#!/bin/sh
# Install the Debian packages that Hefu is built from.  Packages that are present are skipped, so a second run is quick.
#   sh deploy/packages.sh          what the build needs
#   sh deploy/packages.sh test     and what the tests need
# Works as root, or through sudo.  Debian 12 or newer.
set -eu

packages="gcc libc6-dev cmake ninja-build pkg-config
    libssl-dev libsodium-dev libnng-dev libgmp-dev libyaml-dev libcsv-dev libsqlite3-dev libjansson-dev"
[ "${1-}" != test ] ||
    packages="$packages git openssl ccache clang-14 libclang-rt-14-dev llvm-14 libcmocka-dev valgrind"

missing=
for package in $packages; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
    *" installed") ;;
    *) missing="$missing $package" ;;
    esac
done
if [ -z "$missing" ]; then
    echo "packages: all present"
    exit 0
fi

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "packages: error: installing needs root, and there is no sudo" >&2
        echo "packages: hint: as root, run: apt-get install$missing" >&2
        exit 2
    fi
    as_root=sudo
fi

echo "packages: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086  # a list of names is meant to split
if ! { $as_root apt-get update &&
       $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } \
        >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "packages: error: apt-get could not install:$missing" >&2
    exit 4
fi
echo "packages: installed"
