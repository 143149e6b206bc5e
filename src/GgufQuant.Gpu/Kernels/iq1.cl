// IQ1_S and IQ1_M: each group of eight weights is a point of a grid of -1, 0 and 1, shifted an eighth up or down.

#define UP 1.125f
#define DOWN 0.875f
#define SHIFT 0.125f

// How the sorted weights of a sub-block split into the levels: where 0 and where 1 begin; a bit per group, set if its
// levels are shifted down; the scale, which may be negative, and its score. If middle is negative there is no split.
typedef struct
{
    int middle;
    int upper;
    uint downs;
    float scale;
    float score;
} iq1_split;

INLINE void keep_better(
    iq1_split *best, const int middle, const int upper, const uint downs, const float products, const float squares)
{
    if (!(squares > 0 && products * products > best->score * squares))
        return;
    best->middle = middle;
    best->upper = upper;
    best->downs = downs;
    best->scale = products / squares;
    best->score = best->scale * products;
}

// The indices of the weights in ascending order; equal weights keep their order.
INLINE void sort_indices(const int n, const float *x, uchar *order)
{
    // NaN has no rank and would leave gaps.
    for (int i = 0; i < n; i++)
        order[i] = 0;
    #pragma unroll 1
    for (int i = 0; i < n; i++)
    {
        uint rank = 0;
        #pragma unroll
        for (int j = 0; j < n; j++)
            rank += (x[j] < x[i]) | ((x[j] == x[i]) & (j < i));
        order[rank] = (uchar)i;
    }
}

// IQ1_S: the best split of 32 weights, which share one shift.
INLINE iq1_split best_iq1_s_split(const float *x, const float *w, const uchar *order)
{
    float product_sums[33];
    float factor_sums[33];
    product_sums[0] = 0;
    factor_sums[0] = 0;
    #pragma unroll 1
    for (int j = 0; j < 32; j++)
    {
        const int i = order[j];
        product_sums[j + 1] = product_sums[j] + w[i] * x[i];
        factor_sums[j + 1] = factor_sums[j] + w[i];
    }
    iq1_split best = { -1, -1, 0, 0, -GREATEST_FLOAT };
    int middle = 0;
    int upper = 0;
    #pragma unroll 1
    while (middle <= 32)
    {
        #pragma unroll
        for (int down = 0; down < 2; down++)
        {
            const float low = down ? -UP : -DOWN;
            const float zero = down ? -SHIFT : SHIFT;
            const float high = down ? DOWN : UP;
            const float products = product_sums[middle] * low
                + (product_sums[upper] - product_sums[middle]) * zero + (product_sums[32] - product_sums[upper]) * high;
            const float squares = factor_sums[middle] * low * low
                + (factor_sums[upper] - factor_sums[middle]) * zero * zero
                + (factor_sums[32] - factor_sums[upper]) * high * high;
            keep_better(&best, middle, upper, down ? 0xF : 0, products, squares);
        }
        upper = upper < 32 ? upper + 1 : ++middle;
    }
    return best;
}

// IQ1_M: the best split of two groups of eight, each with its own shift: starting with all weights at the upper level, a
// boundary moves those before it one level down.
INLINE iq1_split best_iq1_m_split(const float *x, const float *w, const uchar *order)
{
    float product_sums[2][17];
    float factor_sums[2][17];
    #pragma unroll
    for (int g = 0; g < 2; g++)
    {
        product_sums[g][0] = 0;
        factor_sums[g][0] = 0;
        #pragma unroll 1
        for (int j = 0; j < 16; j++)
        {
            const int i = order[j];
            const int is_own = i / 8 == g;
            product_sums[g][j + 1] = is_own ? product_sums[g][j] + w[i] * x[i] : product_sums[g][j];
            factor_sums[g][j + 1] = is_own ? factor_sums[g][j] + w[i] : factor_sums[g][j];
        }
    }
    iq1_split best = { -1, -1, 0, 0, -GREATEST_FLOAT };
    int middle = 0;
    int upper = 0;
    #pragma unroll 1
    while (middle <= 16)
    {
        float products[2][2];
        float squares[2][2];
        #pragma unroll
        for (int g = 0; g < 2; g++)
        {
            const float before = product_sums[g][middle] + product_sums[g][upper];
            const float all = factor_sums[g][16];
            products[g][0] = product_sums[g][16] * UP - before;
            products[g][1] = product_sums[g][16] * DOWN - before;
            squares[g][0] = all * UP * UP + factor_sums[g][middle] * (DOWN * DOWN - SHIFT * SHIFT)
                + factor_sums[g][upper] * (SHIFT * SHIFT - UP * UP);
            squares[g][1] = all * DOWN * DOWN + factor_sums[g][middle] * (UP * UP - SHIFT * SHIFT)
                + factor_sums[g][upper] * (SHIFT * SHIFT - DOWN * DOWN);
        }
        #pragma unroll
        for (int first = 0; first < 2; first++)
        {
            #pragma unroll
            for (int second = 0; second < 2; second++)
            {
                keep_better(
                    &best, middle, upper, first | (second << 1), products[0][first] + products[1][second],
                    squares[0][first] + squares[1][second]);
            }
        }
        upper = upper < 16 ? upper + 1 : ++middle;
    }
    return best;
}

INLINE float iq1_level(const uint code, const int i, const int is_down)
{
    return digit_at(8, code, i) - 1 + (is_down ? -SHIFT : SHIFT);
}

// Adds a group's levels, each times a multiple.
INLINE void add_iq1(
    const uint code, const int is_down, const int multiple, const float *x, const float *w, float *products, float *squares)
{
    #pragma unroll
    for (int i = 0; i < 8; i++)
    {
        const float level = iq1_level(code, i, is_down) * multiple;
        *products += w[i] * level * x[i];
        *squares += w[i] * level * level;
    }
}

INLINE void load_iq1(const int n, const ulong first, float *x, float *w, ARGUMENTS)
{
    load_all(source, source_type, first, n, x, fault);
    if (weighted)
    {
        weigh(importance, first, row_length, 2 * squares[first / 256] / 256, n, x, w);
    }
    else
    {
        for (int i = 0; i < n; i++)
            w[i] = x[i] * x[i];
    }
}

// A work-item per sub-block: its scale and shifts and, instead of levels, the codes of its points.
INLINE void search_iq1(const int n, const float negligible, ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const int groups = n / 8;
    const ulong first = (ulong)item * n;
    __global ushort *points = (__global ushort *)levels + (ulong)item * groups;
    __global uint *downs = (__global uint *)(fits + stride);
    float x[32];
    float w[32];
    load_iq1(n, first, x, w, PASSED);
    float magnitude = fabs(x[0]);
    for (int i = 1; i < n; i++)
        magnitude = magnitude > fabs(x[i]) ? magnitude : fabs(x[i]);

    uchar order[32];
    iq1_split split = { -1, -1, 0, 0, 0 };
    if (!(magnitude < negligible))
    {
        sort_indices(n, x, order);
        split = n == 32 ? best_iq1_s_split(x, w, order) : best_iq1_m_split(x, w, order);
    }
    if (split.middle < 0)
    {
        fits[item] = 0;
        downs[item] = 0;
        #pragma unroll 1
        for (int g = 0; g < groups; g++)
            points[g] = 0;
        return;
    }

    ulong digits = 0;
    #pragma unroll 1
    for (int j = split.middle; j < n; j++)
        digits += (ulong)(j < split.upper ? 1 : 2) << (2 * order[j]);
    if (split.scale < 0)
    {
        // Digit d becomes 2 - d.
        digits = 0xAAAAAAAAAAAAAAAA - digits;
        split.downs = ~split.downs;
        split.scale = -split.scale;
    }
    int is_off = 0;
    float products = 0;
    float squares_sum = 0;
    #pragma unroll 1
    for (int g = 0; g < groups; g++)
    {
        const int is_down = (split.downs >> g) & 1;
        uint code = (uint)(digits >> (16 * g)) & 0xFFFF;
        const int mapped = grid_map[code];
        if (mapped < 0)
        {
            is_off = 1;
            code = nearest_point(
                8, 8, is_down ? -9 : -7, SHIFT, split.scale, x + 8 * g, w + 8 * g, neighbours + ~mapped, fault);
        }
        points[g] = (ushort)code;
        add_iq1(code, is_down, 1, x + 8 * g, w + 8 * g, &products, &squares_sum);
    }
    if (is_off && products > 0 && squares_sum > 0)
        split.scale = products / squares_sum;
    if (!(split.scale >= 0))
        *fault = 1;
    fits[item] = split.scale;
    downs[item] = split.downs;
}

// Code c stands for (2 * c + 1) / 15 of the greatest scale.
INLINE uint iq1_scale_code(const float inverse, const float scale)
{
    return clamped(nearest_int(0.5f * (inverse * scale - 1)), 0, 7);
}

__kernel void search_iq1_s(ARGUMENTS) { search_iq1(32, 1e-12f, PASSED); }
__kernel void search_iq1_m(ARGUMENTS) { search_iq1(16, 1e-7f, PASSED); }

// A work-item per super-block.
__kernel void pack_iq1_s(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 50;
    __global const float *scales = fits + (ulong)item * 8;
    __global const uint *downs = (__global const uint *)(scales + stride);
    __global const ushort *points = (__global const ushort *)levels + (ulong)item * 32;
    const float max_scale = greatest(8, scales);
    const float factor = max_scale / 15;
    store_half(block, factor * 1.125f, fault);
    for (int s = 0; s < 8; s++)
    {
        uint word = 0;
        for (int k = 0; k < 4; k++)
        {
            const uint point = grid_map[points[4 * s + k]];
            block[2 + 4 * s + k] = (uchar)point;
            word |= (point >> 8) << (3 * k);
        }
        if (max_scale != 0)
            word |= (iq1_scale_code(1 / factor, scales[s]) | ((downs[s] & 1) << 3)) << 12;
        block[34 + 2 * s] = (uchar)word;
        block[35 + 2 * s] = (uchar)(word >> 8);
    }
}

__kernel void pack_iq1_m(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 56;
    __global const float *scales = fits + (ulong)item * 16;
    __global const uint *downs = (__global const uint *)(scales + stride);
    __global const ushort *points = (__global const ushort *)levels + (ulong)item * 32;
    const float max_scale = greatest(16, scales);
    const float inverse = max_scale != 0 ? 1 / (max_scale / 15) : 0;
    uint words[4] = { 0, 0, 0, 0 };
    float products = 0;
    float squares_sum = 0;
    #pragma unroll 1
    for (int s = 0; s < 16; s++)
    {
        const uint code = iq1_scale_code(inverse, scales[s]);
        uint high = 0;
        #pragma unroll 1
        for (int k = 0; k < 2; k++)
        {
            const ulong first = (ulong)item * 256 + 16 * s + 8 * k;
            const int is_down = (downs[s] >> k) & 1;
            const uint point = grid_map[points[2 * s + k]];
            block[2 * s + k] = (uchar)point;
            high |= ((point >> 8) | (max_scale != 0 ? is_down << 3 : 0)) << (4 * k);
            float x[8];
            float w[8];
            load_iq1(8, first, x, w, PASSED);
            add_iq1(points[2 * s + k], is_down, 2 * code + 1, x, w, &products, &squares_sum);
        }
        block[32 + s] = (uchar)high;
        words[s / 4] |= code << (3 * (s % 4));
    }
    const float factor = squares_sum > 0 ? products / squares_sum : max_scale / 15;
    const uint half_bits = max_scale != 0 ? checked_half(factor * 1.1125f, fault) : 0;
    for (int i = 0; i < 4; i++)
    {
        const uint word = max_scale != 0 ? words[i] | (((half_bits >> (4 * i)) & 0xF) << 12) : 0;
        block[48 + 2 * i] = (uchar)word;
        block[49 + 2 * i] = (uchar)(word >> 8);
    }
}
