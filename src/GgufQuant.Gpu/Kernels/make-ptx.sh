#!/usr/bin/env bash
# Makes of each file of kernels, after common.cl, the form that CUDA's driver takes: with clang alone, no CUDA toolkit.
# One file each: the driver takes up to a second to load one, and few conversions need them all.
# Unrolling keeps a block's weights in registers.
# usage: make-ptx.sh [folder, ptx by default]   CLANG names the compiler; the committed text is that of clang 14.
set -euo pipefail
cd "$(dirname "$0")"
for source in *.cl; do
    [ "$source" != common.cl ] || continue
    cat common.cl "$source" |
        "${CLANG:-clang}" -x cl -cl-std=CL1.2 -cl-no-stdinc -include ptx.h \
            -target nvptx64-nvidia-cuda -Xclang -target-cpu -Xclang sm_50 -Xclang -target-feature -Xclang +ptx60 \
            -O3 -mllvm -unroll-threshold=4000 -ffp-contract=off -cl-fp32-correctly-rounded-divide-sqrt \
            -Wall -Wno-unused-function -Werror -S -o "${1:-ptx}/${source%.cl}.ptx" -
done
