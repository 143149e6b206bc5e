// Q2_K, Q4_K, Q5_K: super-blocks whose sub-blocks read as scale * level - minimum.

// A work-item per sub-block: its scale, minimum, sum of factors and levels.
INLINE void search_sub_block(
    const int n, const int max_level, const float first_step, const int last_step, const int by_magnitude,
    const float variance_factor, ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const ulong first = (ulong)item * n;
    float x[32];
    float w[32];
    load_all(source, source_type, first, n, x, fault);
    if (weighted)
    {
        weigh(importance, first, row_length, variance_factor * squares[first / 256] / 256, n, x, w);
    }
    else
    {
        float root = 0;
        if (!by_magnitude)
        {
            for (int i = 0; i < n; i++)
                root += x[i] * x[i];
            root = sqrt(root / n);
        }
        for (int i = 0; i < n; i++)
            w[i] = by_magnitude ? fabs(x[i]) : root + fabs(x[i]);
    }
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += w[i];
    const scale_min_fit fit = search_scale_min(
        n, max_level, x, w, weighted ? -0.9f : first_step, weighted ? 0.05f : 0.1f, weighted ? 36 : last_step,
        by_magnitude && !weighted);
    fits[item] = fit.scale;
    fits[stride + item] = fit.minimum;
    fits[2 * stride + item] = sum;
    for (int i = 0; i < n; i++)
        levels[first + i] = (uchar)clamped(nearest_int(fit.level_scale * (x[i] - fit.level_minimum)), 0, max_level);
}

// The same for the scales, or the minimums, of a super-block.
INLINE float search_codes(const int n, const int max_code, __global const float *x, __global const float *w, uchar *codes)
{
    float near_x[16];
    float near_w[16];
    for (int i = 0; i < n; i++)
    {
        near_x[i] = x[i];
        near_w[i] = w[i];
    }
    return search_positive(n, max_code, near_x, near_w, codes);
}

// Six-bit scales and minimums of eight sub-blocks in twelve bytes; the arrays receive the values they read back as.
INLINE void store_six_bits(__global uchar *at, uchar *scales, uchar *minimums)
{
    uchar bytes[12];
    #pragma unroll
    for (int i = 0; i < 4; i++)
    {
        bytes[i] = (uchar)(scales[i] | ((scales[i + 4] >> 4) << 6));
        bytes[i + 4] = (uchar)(minimums[i] | ((minimums[i + 4] >> 4) << 6));
        bytes[i + 8] = (uchar)((scales[i + 4] & 0xF) | ((minimums[i + 4] & 0xF) << 4));
    }
    #pragma unroll
    for (int i = 0; i < 12; i++)
        at[i] = bytes[i];
    #pragma unroll
    for (int i = 0; i < 4; i++)
    {
        scales[i] = bytes[i] & 63;
        minimums[i] = bytes[i + 4] & 63;
        scales[i + 4] = (uchar)((bytes[i + 8] & 0xF) | ((bytes[i] >> 6) << 4));
        minimums[i + 4] = (uchar)((bytes[i + 8] >> 4) | ((bytes[i + 4] >> 6) << 4));
    }
}

// A work-item per super-block: the header, and each sub-block's scale and minimum as they read back.
INLINE void scale_six_bits(const int block_bytes, const int caps_weighted, ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * block_bytes;
    __global float *scales = fits + (ulong)item * 8;
    __global float *minimums = scales + stride;
    uchar scale_codes[8];
    uchar minimum_codes[8];
    float factor;
    float minimum_factor;
    if (weighted)
    {
        factor = search_codes(8, 63, scales, minimums + stride, scale_codes);
        minimum_factor = search_codes(8, 63, minimums, minimums + stride, minimum_codes);
    }
    else
    {
        const float max_scale = greatest(8, scales);
        const float max_minimum = greatest(8, minimums);
        const float inverse_scale = max_scale > 0 ? 63.0f / max_scale : 0;
        const float inverse_minimum = max_minimum > 0 ? 63.0f / max_minimum : 0;
        for (int i = 0; i < 8; i++)
        {
            scale_codes[i] = (uchar)nearest_int(inverse_scale * scales[i]);
            minimum_codes[i] = (uchar)nearest_int(inverse_minimum * minimums[i]);
        }
        factor = max_scale / 63.0f;
        minimum_factor = max_minimum / 63.0f;
    }
    if (!weighted || caps_weighted)
    {
        for (int i = 0; i < 8; i++)
        {
            scale_codes[i] = scale_codes[i] < 63 ? scale_codes[i] : 63;
            minimum_codes[i] = minimum_codes[i] < 63 ? minimum_codes[i] : 63;
        }
    }
    factor = store_half(block, factor, fault);
    minimum_factor = store_half(block + 2, minimum_factor, fault);
    store_six_bits(block + 4, scale_codes, minimum_codes);
    for (int i = 0; i < 8; i++)
    {
        scales[i] = factor * scale_codes[i];
        minimums[i] = minimum_factor * minimum_codes[i];
    }
}

// A weight's final level; if the scale vanishes, the level from the search.
INLINE uint scale_min_level(
    const ulong index, const int sub_block_size, const int max_level, __global const uchar *source, const int source_type,
    const uint stride, __global const float *fits, __global const uchar *levels)
{
    const uint sub_block = (uint)(index / sub_block_size);
    const float scale = fits[sub_block];
    if (scale == 0)
        return levels[index];
    const float x = load(source, source_type, index);
    return clamped(nearest_int((x + fits[stride + sub_block]) / scale), 0, max_level);
}

#define SCALE_MIN_LEVEL(index, n, max_level) \
    scale_min_level(first + (index), n, max_level, source, source_type, stride, fits, levels)

__kernel void search_q2_K(ARGUMENTS) { search_sub_block(16, 3, -0.5f, 15, 1, 1, PASSED); }
__kernel void search_q4_K(ARGUMENTS) { search_sub_block(32, 15, -1.0f, 20, 0, 2, PASSED); }
__kernel void search_q5_K(ARGUMENTS) { search_sub_block(32, 31, -0.5f, 15, 0, 2, PASSED); }

__kernel void scale_q4_K(ARGUMENTS) { scale_six_bits(144, 0, PASSED); }
__kernel void scale_q5_K(ARGUMENTS) { scale_six_bits(176, 1, PASSED); }

__kernel void scale_q2_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 84;
    __global float *scales = fits + (ulong)item * 16;
    __global float *minimums = scales + stride;
    uchar scale_codes[16];
    uchar minimum_codes[16];
    float factor;
    float minimum_factor;
    if (weighted)
    {
        factor = search_codes(16, 15, scales, minimums + stride, scale_codes);
        minimum_factor = search_codes(16, 15, minimums, minimums + stride, minimum_codes);
    }
    else
    {
        const float max_scale = greatest(16, scales);
        const float max_minimum = greatest(16, minimums);
        for (int i = 0; i < 16; i++)
        {
            scale_codes[i] = max_scale > 0 ? (uchar)nearest_int(15.0f / max_scale * scales[i]) : 0;
            minimum_codes[i] = max_minimum > 0 ? (uchar)nearest_int(15.0f / max_minimum * minimums[i]) : 0;
        }
        factor = max_scale > 0 ? max_scale / 15.0f : 0;
        minimum_factor = max_minimum > 0 ? max_minimum / 15.0f : 0;
    }
    factor = store_half(block + 80, factor, fault);
    minimum_factor = store_half(block + 82, minimum_factor, fault);
    for (int i = 0; i < 16; i++)
    {
        const uchar codes = (uchar)(scale_codes[i] | (minimum_codes[i] << 4));
        block[i] = codes;
        scales[i] = factor * (codes & 0xF);
        minimums[i] = minimum_factor * (codes >> 4);
    }
}

// 32 work-items per super-block, each a column of eight weights 32 apart.
__kernel void pack_q2_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const uint column = item % 32;
    const ulong first = (ulong)(item / 32) * 256 + column;
    __global uchar *codes = blocks + (ulong)(item / 32) * 84 + 16;
    for (int half_block = 0; half_block < 2; half_block++)
    {
        uint byte = 0;
        for (int i = 0; i < 4; i++)
            byte |= SCALE_MIN_LEVEL(half_block * 128 + i * 32, 16, 3) << (2 * i);
        codes[half_block * 32 + column] = (uchar)byte;
    }
}

__kernel void pack_q4_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const uint column = item % 32;
    const ulong first = (ulong)(item / 32) * 256 + column;
    __global uchar *codes = blocks + (ulong)(item / 32) * 144 + 16;
    for (int pair = 0; pair < 4; pair++)
        codes[pair * 32 + column] = (uchar)(SCALE_MIN_LEVEL(pair * 64, 32, 15) | (SCALE_MIN_LEVEL(pair * 64 + 32, 32, 15) << 4));
}

__kernel void pack_q5_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const uint column = item % 32;
    const ulong first = (ulong)(item / 32) * 256 + column;
    __global uchar *fifth_bits = blocks + (ulong)(item / 32) * 176 + 16;
    __global uchar *codes = fifth_bits + 32;
    uint fifths = 0;
    for (int pair = 0; pair < 4; pair++)
    {
        const uint low = SCALE_MIN_LEVEL(pair * 64, 32, 31);
        const uint high = SCALE_MIN_LEVEL(pair * 64 + 32, 32, 31);
        codes[pair * 32 + column] = (uchar)((low & 0xF) | ((high & 0xF) << 4));
        fifths |= ((low >> 4) | ((high >> 4) << 1)) << (2 * pair);
    }
    fifth_bits[column] = (uchar)fifths;
}
