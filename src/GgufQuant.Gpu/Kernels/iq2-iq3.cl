// IQ2 and IQ3: each group of eight or four weights is a point of a grid, with the signs stored separately.
//
// Digit d of a code is the level 2 * d + 1.

// Which groups are rounded again under the chosen scale: those off the grid; all, if any is off the grid; all.
#define REFIT_OFF_GRID 0
#define REFIT_ALL_IF_ANY 1
#define REFIT_ALL 2

typedef struct
{
    int sub_block;          // weights that share a scale
    int dimensions;         // weights that share a point
    int reach;              // scales tried on either side
    float step;             // from one to the next, in levels
    int starts_from_fit;    // whether they surround a fit without the grid, or the greatest magnitude's scale
    int seven_signs;        // whether the signs of eight weights must be an even number
    float negligible;       // a sub-block of lesser magnitudes counts as zero
    float variance_factor;  // of the super-block's mean square
    float plain_variance;   // how much of that a weight's factor has without importance
    int refit;
} grid_format;

INLINE uint round_group(const int dimensions, const float inverse, const float *x)
{
    uint code = 0;
    #pragma unroll
    for (int i = 0; i < dimensions; i++)
    {
        const int nearest = nearest_int(0.5f * (inverse * x[i] - 1));
        code |= dimensions == 8 ? (uint)clamped(nearest, 0, 2) << (2 * i) : (uint)clamped(nearest, 0, 7) << (3 * i);
    }
    return code;
}

INLINE void add_group(
    const int dimensions, const uint code, const float *x, const float *w, float *products, float *sum)
{
    #pragma unroll
    for (int i = 0; i < dimensions; i++)
    {
        const float level = 2 * digit_at(dimensions, code, i) + 1;
        *products += w[i] * x[i] * level;
        *sum += w[i] * level * level;
    }
}

// If eight weights have an odd number of signs, flips the least important one; returns the signs.
INLINE uint make_even(const uint signs, float *x, const float *w)
{
    int least_at = 0;
    float least = w[0] * x[0] * x[0];
    int odd = signs & 1;
    #pragma unroll
    for (int i = 1; i < 8; i++)
    {
        const float energy = w[i] * x[i] * x[i];
        odd ^= (signs >> i) & 1;
        if (energy < least)
        {
            least = energy;
            least_at = i;
        }
    }
    if (!odd)
        return signs;
    x[least_at] = -x[least_at];
    return signs ^ (1u << least_at);
}

// A work-item per sub-block: its scale, its signs, whether it counts as zero and, instead of levels, its points' indices.
INLINE void search_grid(const grid_format format, ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const int n = format.sub_block;
    const int dimensions = format.dimensions;
    const int groups = n / dimensions;
    const int max_level = dimensions == 8 ? 5 : 15;
    const ulong first = (ulong)item * n;
    __global ushort *points = (__global ushort *)levels + (ulong)item * groups;
    __global uint *sign_words = (__global uint *)(fits + stride);

    float x[32];
    float w[32];
    float roots[32];
    load_all(source, source_type, first, n, x, fault);
    float variance = 0;
    if (weighted || format.plain_variance != 0)
        variance = format.variance_factor * squares[first / 256] / 256;
    if (weighted)
    {
        weigh(importance, first, row_length, variance, n, x, w);
    }
    else
    {
        for (int i = 0; i < n; i++)
            w[i] = format.plain_variance * variance + x[i] * x[i];
    }
    uint signs = 0;
    for (int i = 0; i < n; i++)
    {
        roots[i] = sqrt(w[i]);
        signs |= (uint)(x[i] < 0) << i;
        x[i] = x[i] < 0 ? -x[i] : x[i];
    }
    if (format.seven_signs)
    {
        #pragma unroll 1
        for (int i = 0; i < n; i += 8)
            signs = (signs & ~(0xFFu << i)) | (make_even((signs >> i) & 0xFF, x + i, w + i) << i);
    }
    float range = x[0];
    for (int i = 1; i < n; i++)
        range = range > x[i] ? range : x[i];

    float scale = range / max_level;
    int is_zero = range < format.negligible;
    if (format.starts_from_fit && !is_zero)
    {
        uchar unused[32];
        scale = search_positive(n, max_level / 2 + 2, x, w, unused);
        range = scale * (max_level / 2 + 1);
        is_zero = range <= 0;
    }
    fits[2 * stride + item] = is_zero;
    if (is_zero)
    {
        fits[item] = 0;
        sign_words[item] = 0;
        #pragma unroll 1
        for (int g = 0; g < groups; g++)
            points[g] = 0;
        return;
    }

    uint codes[8];
    for (int g = 0; g < groups; g++)
        codes[g] = 0;
    const uint all = (1u << groups) - 1;
    uint off_grid = format.refit == REFIT_OFF_GRID ? 0 : all;
    float best = 0;
    #pragma unroll 1
    for (int step = -format.reach; step <= format.reach; step++)
    {
        const float inverse = (max_level + step * format.step) / range;
        const float candidate = 1 / inverse;
        uint tried[8];
        uint off = 0;
        float products = 0;
        float sum = 0;
        #pragma unroll 1
        for (int g = 0; g < groups; g++)
        {
            const int at = g * dimensions;
            uint code = round_group(dimensions, inverse, x + at);
            const int mapped = grid_map[code];
            if (mapped < 0)
            {
                off |= 1u << g;
                code = nearest_point(dimensions, 2, 1, 1, candidate, x + at, roots + at, neighbours + ~mapped, fault);
            }
            tried[g] = code;
            add_group(dimensions, code, x + at, w + at, &products, &sum);
        }
        if (sum > 0 && products * products > best * sum)
        {
            scale = products / sum;
            best = scale * products;
            off_grid = off;
            for (int g = 0; g < groups; g++)
                codes[g] = tried[g];
        }
    }

    if (format.refit == REFIT_ALL || (format.refit == REFIT_ALL_IF_ANY && off_grid != 0))
        off_grid = all;
    if (off_grid != 0 && scale > 0)
    {
        const float inverse = 1 / scale;
        float products = 0;
        float sum = 0;
        #pragma unroll 1
        for (int g = 0; g < groups; g++)
        {
            const int at = g * dimensions;
            if ((off_grid >> g) & 1)
            {
                const uint code = round_group(dimensions, inverse, x + at);
                const int mapped = grid_map[code];
                codes[g] = mapped >= 0 ? code
                    : nearest_point(dimensions, 2, 1, 1, scale, x + at, roots + at, neighbours + ~mapped, fault);
            }
            add_group(dimensions, codes[g], x + at, w + at, &products, &sum);
        }
        if (sum > 0)
            scale = products / sum;
    }
    if (scale < 0)
    {
        scale = -scale;
        signs = ~signs;
    }
    if (!(scale >= 0))
        *fault = 1;
    fits[item] = scale;
    sign_words[item] = signs;
    #pragma unroll 1
    for (int g = 0; g < groups; g++)
        points[g] = (ushort)grid_map[codes[g]];
}

// Stores a super-block's scale and returns its inverse, or 0 if all its scales are 0.
INLINE float store_factor(__global uchar *block, const float max_scale, const float correction, __global int *fault)
{
    const float factor = max_scale / 31;
    store_half(block, factor * correction, fault);
    return max_scale != 0 ? 1 / factor : 0;
}

// Code c stands for (2 * c + 1) / 31 of the greatest scale.
INLINE uint scale_code(const float inverse, const float scale)
{
    return clamped(nearest_int(0.5f * (inverse * scale - 1)), 0, 15);
}

INLINE void store_scale_codes(__global uchar *at, const int n, const float inverse, __global const float *scales)
{
    for (int i = 0; i < n; i += 2)
        at[i / 2] = (uchar)(scale_code(inverse, scales[i]) | (scale_code(inverse, scales[i + 1]) << 4));
}

// Seven signs for each eight weights, below the code of the scale.
INLINE void store_signs_and_scale(__global uchar *at, const uint signs, const uint code)
{
    const uint word = (signs & 0x7F) | ((signs >> 8 & 0x7F) << 7) | ((signs >> 16 & 0x7F) << 14)
        | ((signs >> 24 & 0x7F) << 21) | (code << 28);
    for (int i = 0; i < 4; i++)
        at[i] = (uchar)(word >> (8 * i));
}

__kernel void search_iq3_xxs(ARGUMENTS)
{
    const grid_format format = {
        .sub_block = 32, .dimensions = 4, .reach = 15, .step = 0.2f, .seven_signs = 1, .negligible = 1e-8f,
        .variance_factor = 2, .refit = REFIT_OFF_GRID };
    search_grid(format, PASSED);
}

__kernel void search_iq3_s(ARGUMENTS)
{
    const grid_format format = {
        .sub_block = 32, .dimensions = 4, .reach = 9, .step = 0.2f, .negligible = 1e-45f,
        .variance_factor = 2, .refit = REFIT_ALL_IF_ANY };
    search_grid(format, PASSED);
}

__kernel void search_iq2_xxs(ARGUMENTS)
{
    const grid_format format = {
        .sub_block = 32, .dimensions = 8, .reach = 6, .step = 0.1f, .starts_from_fit = 1, .seven_signs = 1,
        .negligible = GROUP_MAX_EPS, .variance_factor = 1, .refit = REFIT_ALL };
    search_grid(format, PASSED);
}

__kernel void search_iq2_xs(ARGUMENTS)
{
    const grid_format format = {
        .sub_block = 16, .dimensions = 8, .reach = 9, .step = 0.1f, .seven_signs = 1, .negligible = GROUP_MAX_EPS,
        .variance_factor = 1, .refit = REFIT_OFF_GRID };
    search_grid(format, PASSED);
}

__kernel void search_iq2_s(ARGUMENTS)
{
    const grid_format format = {
        .sub_block = 16, .dimensions = 8, .reach = 9, .step = 0.1f, .negligible = 1e-8f, .variance_factor = 2,
        .plain_variance = 0.25f, .refit = REFIT_OFF_GRID };
    search_grid(format, PASSED);
}

// A work-item per super-block.
__kernel void pack_iq3_xxs(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 98;
    __global const float *scales = fits + (ulong)item * 8;
    __global const uint *signs = (__global const uint *)(scales + stride);
    __global const ushort *points = (__global const ushort *)levels + (ulong)item * 64;
    const float max_scale = greatest(8, scales);
    const float inverse = store_factor(block, max_scale, 1.0125f, fault);
    for (int k = 0; k < 64; k++)
        block[2 + k] = max_scale != 0 ? (uchar)points[k] : 0;
    for (int s = 0; s < 8; s++)
        store_signs_and_scale(block + 66 + 4 * s, max_scale != 0 ? signs[s] : 0, scale_code(inverse, scales[s]));
}

__kernel void pack_iq3_s(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 110;
    __global const float *scales = fits + (ulong)item * 8;
    __global const uint *signs = (__global const uint *)(scales + stride);
    __global const float *zeros = scales + 2 * stride;
    __global const ushort *points = (__global const ushort *)levels + (ulong)item * 64;
    const float inverse = store_factor(block, greatest(8, scales), 1.033f, fault);
    for (int i = 2; i < 106; i++)
        block[i] = 0;
    // ggml does not advance past the low bytes and signs of a sub-block of zeros, so those after it move up.
    int filled = 0;
    for (int s = 0; s < 8; s++)
    {
        if (zeros[s] != 0)
            continue;
        uint high = 0;
        for (int k = 0; k < 8; k++)
        {
            const uint point = points[8 * s + k];
            block[2 + 8 * filled + k] = (uchar)point;
            high |= (point >> 8) << k;
        }
        block[66 + s] = (uchar)high;
        for (int k = 0; k < 4; k++)
            block[74 + 4 * filled + k] = (uchar)(signs[s] >> (8 * k));
        filled++;
    }
    store_scale_codes(block + 106, 8, inverse, scales);
}

__kernel void pack_iq2_xxs(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 66;
    __global const float *scales = fits + (ulong)item * 8;
    __global const uint *signs = (__global const uint *)(scales + stride);
    __global const ushort *points = (__global const ushort *)levels + (ulong)item * 32;
    const float max_scale = greatest(8, scales);
    const float inverse = store_factor(block, max_scale, 1, fault);
    for (int s = 0; s < 8; s++)
    {
        for (int k = 0; k < 4; k++)
            block[2 + 8 * s + k] = max_scale != 0 ? (uchar)points[4 * s + k] : 0;
        store_signs_and_scale(block + 6 + 8 * s, max_scale != 0 ? signs[s] : 0, scale_code(inverse, scales[s]));
    }
}

__kernel void pack_iq2_xs(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 74;
    __global const float *scales = fits + (ulong)item * 16;
    __global const uint *signs = (__global const uint *)(scales + stride);
    __global const ushort *points = (__global const ushort *)levels + (ulong)item * 32;
    const float max_scale = greatest(16, scales);
    const float inverse = store_factor(block, max_scale, 1, fault);
    for (int k = 0; k < 32; k++)
    {
        const uint seven_signs = (signs[k / 2] >> (8 * (k % 2))) & 0x7F;
        const uint word = max_scale != 0 ? points[k] | (seven_signs << 9) : 0;
        block[2 + 2 * k] = (uchar)word;
        block[3 + 2 * k] = (uchar)(word >> 8);
    }
    store_scale_codes(block + 66, 16, inverse, scales);
}

__kernel void pack_iq2_s(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 82;
    __global const float *scales = fits + (ulong)item * 16;
    __global const uint *signs = (__global const uint *)(scales + stride);
    __global const ushort *points = (__global const ushort *)levels + (ulong)item * 32;
    const float inverse = store_factor(block, greatest(16, scales), 0.9875f, fault);
    for (int i = 0; i < 8; i++)
    {
        uint high = 0;
        for (int k = 0; k < 4; k++)
        {
            const uint point = points[4 * i + k];
            block[2 + 4 * i + k] = (uchar)point;
            block[34 + 4 * i + k] = (uchar)(signs[2 * i + k / 2] >> (8 * (k % 2)));
            high |= (point >> 8) << (2 * k);
        }
        block[66 + i] = (uchar)high;
    }
    store_scale_codes(block + 74, 16, inverse, scales);
}
