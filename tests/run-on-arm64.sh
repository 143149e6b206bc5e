#!/usr/bin/env bash
# Runs tests of the core on an emulated arm64 processor: by default those of the kernels' committed digests and of files.
# Needs Debian's qemu-user, libc6-arm64-cross, libstdc++6-arm64-cross and libgcc-s1-arm64-cross.
#   tests/run-on-arm64.sh [-class '*KernelDigestTests' ...]
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- -class '*KernelDigestTests' -class '*IO.FinishedFileTests' -class '*IO.FileSystemTests'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# A copy, since a build for another platform would replace this one's.
git ls-files -z | tar c --null -T - | tar x -C "$folder"
dotnet publish "$folder/tests/GgufQuant.Tests" -c Release -r linux-arm64 --self-contained -p:PublishReadyToRun=false -m:1 -o "$folder/arm64" -v quiet

# .NET hashes with OpenSSL, of which Debian has no package for other processors' programs.
mkdir -p "$folder/lists/partial" "$folder/openssl"
touch "$folder/status"
from_arm64() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root -o Dir::State::Lists="$folder/lists" \
        -o Dir::State::status="$folder/status" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}
from_arm64 update
(cd "$folder" && from_arm64 download libssl3 && dpkg-deb -x libssl3_*.deb openssl)

DOTNET_EnableWriteXorExecute=0 DOTNET_gcConcurrent=0 DOTNET_GCHeapHardLimit=0x40000000 \
    qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$folder/openssl/usr/lib/aarch64-linux-gnu" \
    "$folder/arm64/GgufQuant.Tests" -noLogo -noColor "$@"
