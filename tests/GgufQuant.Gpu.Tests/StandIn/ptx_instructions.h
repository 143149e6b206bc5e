// The PTX instructions that the kernels use, in C: https://docs.nvidia.com/cuda/parallel-thread-execution.
// Registers are unsigned, because PTX's have no sign; signed instructions say so.
#include "stand_in.h"
#include <math.h>
#include <string.h>

typedef unsigned char u8, b8;
typedef unsigned short u16, b16;
typedef unsigned int b32, pred;
typedef unsigned long u64, b64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long s64;

static inline float as_float(u32 bits) { float value; memcpy(&value, &bits, 4); return value; }

// Flow. A label's statement is empty.
#define ret() return
#define bra(label) goto label
#define bra_uni(label) goto label

// Memory. All spaces are one here.
#define LOAD(type, d, at) d = *(const type *)(at)
#define STORE(type, at, a) *(type *)(at) = a
#define ld_param_u32(d, at) LOAD(u32, d, at)
#define ld_param_u64(d, at) LOAD(u64, d, at)
#define ld_const_f32(d, at) LOAD(float, d, at)
#define ld_global_u8(d, at) LOAD(u8, d, at)
#define ld_global_u16(d, at) LOAD(u16, d, at)
#define ld_global_u32(d, at) LOAD(u32, d, at)
#define ld_global_f32(d, at) LOAD(float, d, at)
#define ld_local_u8(d, at) LOAD(u8, d, at)
#define ld_local_u32(d, at) LOAD(u32, d, at)
#define ld_local_f32(d, at) LOAD(float, d, at)
#define st_global_u8(at, a) STORE(u8, at, a)
#define st_global_u16(at, a) STORE(u16, at, a)
#define st_global_u32(at, a) STORE(u32, at, a)
#define st_global_f32(at, a) STORE(float, at, a)
#define st_local_u8(at, a) STORE(u8, at, a)
#define st_local_u32(at, a) STORE(u32, at, a)
#define st_local_f32(at, a) STORE(float, at, a)
#define cvta_local_u64(d, a) d = a
#define cvta_to_local_u64(d, a) d = a

// Moves and choices.
#define mov_pred(d, a) d = a
#define mov_u16(d, a) d = a
#define mov_u32(d, a) d = a
#define mov_u64(d, a) d = (u64)(a)
#define mov_f32(d, a) d = a
#define mov_b32(d, a) memcpy(&d, &a, 4)
#define selp_b16(d, a, b, p) d = p ? a : b
#define selp_b32(d, a, b, p) d = p ? a : b
#define selp_s32(d, a, b, p) d = p ? a : b
#define selp_u32(d, a, b, p) d = p ? a : b
#define selp_b64(d, a, b, p) d = p ? a : b
#define selp_u64(d, a, b, p) d = p ? a : b
#define selp_f32(d, a, b, p) d = p ? a : b

// Floats, each operation rounded by itself: nothing is contracted where this is compiled.
#define add_rn_f32(d, a, b) d = a + b
#define sub_rn_f32(d, a, b) d = a - b
#define mul_rn_f32(d, a, b) d = a * b
#define div_rn_f32(d, a, b) d = a / b
#define rcp_rn_f32(d, a) d = 1.0f / a
#define sqrt_rn_f32(d, a) d = sqrtf(a)
#define abs_f32(d, a) d = fabsf(a)
#define neg_f32(d, a) d = -a
#define min_f32(d, a, b) d = fminf(a, b)

// Integers.
#define add_s16(d, a, b) d = a + b
#define add_s32(d, a, b) d = (u32)(a) + (u32)(b)
#define add_s64(d, a, b) d = (u64)(a) + (u64)(b)
#define add_u64(d, a, b) d = (u64)(a) + (u64)(b)
#define sub_s32(d, a, b) d = (u32)(a) - (u32)(b)
#define sub_s64(d, a, b) d = (u64)(a) - (u64)(b)
#define mul_lo_s32(d, a, b) d = (u32)(a) * (u32)(b)
#define mul_lo_s64(d, a, b) d = (u64)(a) * (u64)(b)
#define mul_hi_u32(d, a, b) d = (u64)(u32)(a) * (u32)(b) >> 32
#define mul_wide_u16(d, a, b) d = (u32)(u16)(a) * (u16)(b)
#define mul_wide_s32(d, a, b) d = (s64)(s32)(a) * (s32)(b)
#define mul_wide_u32(d, a, b) d = (u64)(u32)(a) * (u32)(b)
#define mad_lo_s32(d, a, b, c) d = (u32)(a) * (u32)(b) + (u32)(c)
#define div_u32(d, a, b) d = (u32)(a) / (u32)(b)
#define div_u64(d, a, b) d = (u64)(a) / (u64)(b)
#define rem_u32(d, a, b) d = (u32)(a) % (u32)(b)
#define rem_u64(d, a, b) d = (u64)(a) % (u64)(b)
#define min_u16(d, a, b) d = (u16)(a) < (u16)(b) ? a : b
#define min_s32(d, a, b) d = (s32)(a) < (s32)(b) ? a : b
#define max_s32(d, a, b) d = (s32)(a) > (s32)(b) ? a : b
#define max_u32(d, a, b) d = (u32)(a) > (u32)(b) ? a : b

// Bits. A shift by as many bits as there are, or more, leaves none.
#define SHIFTED(bits, shifted, count) (u32)(count) < bits ? (shifted) : 0
#define shl_b16(d, a, b) d = SHIFTED(16, (u16)(a) << (b), b)
#define shl_b32(d, a, b) d = SHIFTED(32, (u32)(a) << (b), b)
#define shl_b64(d, a, b) d = SHIFTED(64, (u64)(a) << (b), b)
#define shr_u16(d, a, b) d = SHIFTED(16, (u16)(a) >> (b), b)
#define shr_u32(d, a, b) d = SHIFTED(32, (u32)(a) >> (b), b)
#define shr_u64(d, a, b) d = SHIFTED(64, (u64)(a) >> (b), b)
#define bfe_u32(d, a, first, count) d = (u32)(a) >> first & ((1u << count) - 1)
#define and_pred(d, a, b) d = a & b
#define and_b16(d, a, b) d = a & b
#define and_b32(d, a, b) d = a & b
#define and_b64(d, a, b) d = a & b
#define or_pred(d, a, b) d = a | b
#define or_b16(d, a, b) d = a | b
#define or_b32(d, a, b) d = a | b
#define or_b64(d, a, b) d = a | b
#define xor_pred(d, a, b) d = a ^ b
#define xor_b32(d, a, b) d = a ^ b
#define not_pred(d, a) d = !a
#define not_b32(d, a) d = ~a

// Comparisons. For floats, those ending in u also hold for NaN.
#define setp_eq_b32(p, a, b) p = (u32)(a) == (u32)(b)
#define setp_eq_s16(p, a, b) p = (s16)(a) == (s16)(b)
#define setp_ne_s16(p, a, b) p = (s16)(a) != (s16)(b)
#define setp_gt_u16(p, a, b) p = (u16)(a) > (u16)(b)
#define setp_eq_s32(p, a, b) p = (s32)(a) == (s32)(b)
#define setp_ne_s32(p, a, b) p = (s32)(a) != (s32)(b)
#define setp_lt_s32(p, a, b) p = (s32)(a) < (s32)(b)
#define setp_gt_s32(p, a, b) p = (s32)(a) > (s32)(b)
#define setp_lt_u32(p, a, b) p = (u32)(a) < (u32)(b)
#define setp_gt_u32(p, a, b) p = (u32)(a) > (u32)(b)
#define setp_ge_u32(p, a, b) p = (u32)(a) >= (u32)(b)
#define setp_ne_s64(p, a, b) p = (s64)(a) != (s64)(b)
#define setp_eq_f32(p, a, b) p = a == b
#define setp_ne_f32(p, a, b) p = a < b || a > b
#define setp_lt_f32(p, a, b) p = a < b
#define setp_le_f32(p, a, b) p = a <= b
#define setp_gt_f32(p, a, b) p = a > b
#define setp_ge_f32(p, a, b) p = a >= b
#define setp_neu_f32(p, a, b) p = a != b
#define setp_ltu_f32(p, a, b) p = !(a >= b)
#define setp_leu_f32(p, a, b) p = !(a > b)
#define setp_geu_f32(p, a, b) p = !(a < b)
#define setp_nan_f32(p, a, b) p = a != a || b != b

// Conversions. A float out of range becomes the nearest integer there is, what is not a number 0.
#define cvt_u16_u32(d, a) d = (u16)(a)
#define cvt_u32_u16(d, a) d = (u16)(a)
#define cvt_u32_u64(d, a) d = (u32)(a)
#define cvt_u64_u32(d, a) d = (u32)(a)
#define cvt_s32_s8(d, a) d = (s8)(a)
#define cvt_s32_s16(d, a) d = (s16)(a)
#define cvt_s64_s32(d, a) d = (s32)(a)
#define cvt_rn_f32_s32(d, a) d = (float)(s32)(a)
#define cvt_rn_f32_u16(d, a) d = (float)(u16)(a)
#define cvt_rn_f32_u32(d, a) d = (float)(u32)(a)
#define cvt_rzi_s32_f32(d, a) \
    d = a != a ? 0 : a >= 2147483648.0f ? 0x7FFFFFFF : a <= -2147483648.0f ? 0x80000000 : (s32)(a)
