#!/usr/bin/env bash
# Makes quant.ptx, the form of the kernels that CUDA's driver takes, with clang alone: no CUDA toolkit.
# Unrolling keeps a block's weights in registers.
# usage: make-ptx.sh [output]   CLANG names the compiler; the committed text is that of clang 14.
set -euo pipefail
cd "$(dirname "$0")"
cat common.cl blocks32.cl ternary.cl microscaling.cl nonlinear.cl minimum.cl signed.cl lattice.cl iq1.cl |
    "${CLANG:-clang}" -x cl -cl-std=CL1.2 -cl-no-stdinc -include ptx.h \
        -target nvptx64-nvidia-cuda -Xclang -target-cpu -Xclang sm_50 -Xclang -target-feature -Xclang +ptx60 \
        -O3 -mllvm -unroll-threshold=4000 -ffp-contract=off -cl-fp32-correctly-rounded-divide-sqrt -Wall -Werror -S -o "${1:-quant.ptx}" -
