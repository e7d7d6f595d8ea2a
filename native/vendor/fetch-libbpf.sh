#!/bin/sh
# Unpacks the pinned libbpf sources (libbpf.pin) into build/vendor/libbpf-VERSION:
#   include/bpf/    libbpf's public headers, for BPF programs and for native/
#   include/uapi/   the kernel headers of the same release
#   libbpf/ elfutils/ zlib/   the sources native/Makefile compiles, as the crate has them
# cargo downloads; the checksum decides. The directory appears by one rename, complete or not at
# all, so an interrupted run leaves nothing that the next one could mistake for a result.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
pin=$here/libbpf.pin
. "$pin"
vendor=${1:-$here/../../build/vendor}
target=$vendor/libbpf-$LIBBPF_VERSION

# The pin is copied into the directory as its mark of completeness. Touched when a checkout made
# the pin look newer, or make would come here on every run.
complete() {
  cmp -s "$pin" "$target/pin" || return 1
  [ "$target/pin" -nt "$pin" ] || touch "$target/pin"
}

fail() {
  printf 'fetch-libbpf: %s\n' "$@" >&2
  exit 1
}

complete && exit 0

mkdir -p "$vendor"
vendor=$(cd "$vendor" && pwd)
target=$vendor/libbpf-$LIBBPF_VERSION
# bpf/ and native/ may both ask at once under make -j.
exec 9>"$vendor/.lock"
flock 9
complete && exit 0

# Whatever an earlier, killed run left; only the holder of the lock gets here.
rm -rf "$vendor"/.partial.*
partial=$(mktemp -d "$vendor/.partial.XXXXXX")
trap 'rm -rf "$partial"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The crate's file name carries libbpf's own version as build metadata: ...-1.7.0+v1.7.0.crate
cached() {
  for file in "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"$LIBBPF_CRATE-$LIBBPF_VERSION"*.crate; do
    [ -f "$file" ] && printf '%s\n' "$file" && return 0
  done
  return 1
}

if ! crate=$(cached); then
  command -v cargo >/dev/null ||
    fail "cargo is needed to download libbpf $LIBBPF_VERSION" 'next: apt-get install cargo, then run again'
  mkdir -p "$partial/project/src"
  : >"$partial/project/src/lib.rs"
  cat >"$partial/project/Cargo.toml" <<EOF
[package]
name = "fetch-libbpf"
version = "0.0.0"
edition = "2021"
[dependencies]
$LIBBPF_CRATE = "=$LIBBPF_VERSION"
# Stands alone, whatever workspace encloses build/.
[workspace]
EOF
  cargo fetch --quiet --manifest-path "$partial/project/Cargo.toml" ||
    fail "cargo could not download $LIBBPF_CRATE $LIBBPF_VERSION (its message is above)" \
      'next: check the network or the registry settings of cargo, then run again'
  crate=$(cached) || fail "cargo fetch left no $LIBBPF_CRATE-$LIBBPF_VERSION crate in ${CARGO_HOME:-$HOME/.cargo}/registry/cache" \
    'next: check CARGO_HOME, then run again'
fi

sum=$(sha256sum "$crate" | cut -d' ' -f1)
[ "$sum" = "$LIBBPF_SHA256" ] || fail "$crate is not the pinned libbpf $LIBBPF_VERSION" \
  "sha256 found:    $sum" \
  "sha256 expected: $LIBBPF_SHA256 ($pin)" \
  'next: delete that file and run again; if it comes back the same, do not build from it'

mkdir "$partial/unpack" "$partial/tree"
tar -xzf "$crate" -C "$partial/unpack" --strip-components=1
for part in libbpf/src libbpf/include elfutils/lib elfutils/libelf zlib; do
  mkdir -p "$partial/tree/$(dirname "$part")"
  mv "$partial/unpack/$part" "$partial/tree/$part"
done
cp "$partial"/unpack/libbpf/LICENSE* "$partial/tree/libbpf/"
cp "$partial"/unpack/elfutils/COPYING* "$partial/tree/elfutils/"

# libbpf/include/ also holds kernel shims named linux/*.h that would shadow the real ones, so what
# others may include gets a directory of its own.
mkdir -p "$partial/tree/include/bpf"
for header in bpf.h bpf_core_read.h bpf_endian.h bpf_helper_defs.h bpf_helpers.h bpf_tracing.h btf.h \
  libbpf.h libbpf_common.h libbpf_legacy.h libbpf_version.h; do
  cp "$partial/tree/libbpf/src/$header" "$partial/tree/include/bpf/"
done
cp -r "$partial/tree/libbpf/include/uapi" "$partial/tree/include/uapi"
cp "$pin" "$partial/tree/pin"

rm -rf "$target"
mv -T "$partial/tree" "$target"
