#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the C tests for other machines and runs them under qemu-user; builds library, tests and
# example for Windows. Installs nothing: names what is missing.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# name, triplet, processor, emulator
TARGETS="aarch64 aarch64-linux-gnu aarch64 qemu-aarch64
i686 i686-linux-gnu i686 qemu-i386
armv7 arm-linux-gnueabihf armv7-a qemu-arm"
WINDOWS=x86_64-w64-mingw32

check_tools() {
  local missing="" tool package
  while read -r tool package; do
    have_command "$tool" || missing="$missing $package"
  done <<EOT
aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
i686-linux-gnu-gcc gcc-i686-linux-gnu
arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf
qemu-aarch64 qemu-user
qemu-i386 qemu-user
qemu-arm qemu-user
$WINDOWS-gcc gcc-mingw-w64-x86-64
$WINDOWS-objdump binutils-mingw-w64-x86-64
EOT
  local libc
  for libc in aarch64-linux-gnu:libc6-dev-arm64-cross i686-linux-gnu:libc6-dev-i386-cross arm-linux-gnueabihf:libc6-dev-armhf-cross; do
    [ -e "/usr/${libc%%:*}/include/time.h" ] || missing="$missing ${libc##*:}"
  done
  [ -z "$missing" ] || die "make cross needs Debian packages that are missing:$(printf ' %s\n' $missing | sort -u | tr -d '\n')"
}

# qemu-user runs threads on few cores slowly: tests that only repeat get less time on other machines.
linux() {
  local name="$1" triplet="$2" processor="$3" emulator="$4" flags=""
  [ "$name" = aarch64 ] || flags="-march=$processor"
  [ "$name" = armv7 ] && flags="$flags+fp"
  configure "cross-$name" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$processor" \
    -DCMAKE_C_COMPILER="$triplet-gcc" -DCMAKE_C_FLAGS="$flags" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CROSSCOMPILING_EMULATOR="$emulator;-L;/usr/$triplet" -DTRIFUSE_EMULATED=ON
  # qemu-user runs the 64-bit swaps of a 32-bit target one at a time: there threads cannot meet.
  local left_out='^(fuzz|native)$'
  [ "$name" = aarch64 ] || left_out='^(fuzz|native|stress)$'
  run_ctest "cross-$name" -LE "$left_out" --timeout 900
}

windows() {
  configure cross-windows -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_C_COMPILER="$WINDOWS-gcc" -DCMAKE_BUILD_TYPE=Release
  local dll exported declared
  dll="$BUILD/cross-windows/libtrifuse.dll"
  exported="$("$WINDOWS-objdump" -p "$dll" | awk '/\[Ordinal\/Name Pointer\]/ {on = 1; next} on && NF == 0 {exit} on {print $NF}' | sort)"
  declared="$(sed -n '/global:/,/local:/s/^ *\(trifuse_[a-z0-9_]*\);$/\1/p' core/trifuse.map | sort)"
  [ "$exported" = "$declared" ] || die "the DLL's exports differ from core/trifuse.map: $(diff <(echo "$exported") <(echo "$declared") || true)"
  say "  windows: $(basename "$dll") exports the $(echo "$declared" | wc -l) functions of the header; built $(find "$BUILD/cross-windows" -name '*.exe' -not -path '*/CMakeFiles/*' | wc -l) programs"
}

check_tools
use_venv
while read -r name triplet processor emulator; do
  linux "$name" "$triplet" "$processor" "$emulator"
done <<<"$TARGETS"
windows
say "cross: aarch64, i686, armv7 and Windows passed"
