// Q3_K, Q6_K: super-blocks whose sub-blocks of sixteen read as scale * level, with levels around zero.

// ggml's make_q3_quants: improves one level at a time, weighting each weight by its square.
INLINE float descend(const int bound, const float *x, __global uchar *levels)
{
    float max = 0;
    float magnitude = 0;
    #pragma unroll
    for (int i = 0; i < 16; i++)
    {
        if (fabs(x[i]) > magnitude)
        {
            magnitude = fabs(x[i]);
            max = x[i];
        }
    }
    int level[16];
    if (magnitude < GROUP_MAX_EPS)
    {
        #pragma unroll
        for (int i = 0; i < 16; i++)
            levels[i] = 0;
        return 0;
    }
    const float inverse = -bound / max;
    float products = 0;
    float sum = 0;
    #pragma unroll
    for (int i = 0; i < 16; i++)
    {
        const float w = x[i] * x[i];
        level[i] = clamped(nearest_int(inverse * x[i]), -bound, bound - 1);
        products += w * x[i] * level[i];
        sum += w * level[i] * level[i];
    }
    #pragma unroll 1
    for (int pass = 0; pass < 5; pass++)
    {
        int changed = 0;
        #pragma unroll
        for (int i = 0; i < 16; i++)
        {
            const float w = x[i] * x[i];
            float other_products = products - w * x[i] * level[i];
            if (other_products > 0)
            {
                float other_sum = sum - w * level[i] * level[i];
                const int candidate = clamped(nearest_int(x[i] * other_sum / other_products), -bound, bound - 1);
                if (candidate != level[i])
                {
                    other_products += w * x[i] * candidate;
                    other_sum += w * candidate * candidate;
                    if (other_sum > 0 && other_products * other_products * sum > products * products * other_sum)
                    {
                        level[i] = candidate;
                        products = other_products;
                        sum = other_sum;
                        changed = 1;
                    }
                }
            }
        }
        if (!changed)
            break;
    }
    #pragma unroll
    for (int i = 0; i < 16; i++)
        levels[i] = (uchar)(level[i] + bound);
    return sum > 0 ? products / sum : 0;
}

INLINE void store_levels(const int n, const int bound, const float inverse, const float *x, __global uchar *levels)
{
    for (int i = 0; i < n; i++)
        levels[i] = inverse == 0 ? 0 : (uchar)(clamped(nearest_int(inverse * x[i]), -bound, bound - 1) + bound);
}

// A work-item per sub-block.
__kernel void search_q3_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const ulong first = (ulong)item * 16;
    float x[16];
    load_all(source, source_type, first, 16, x, fault);
    if (!weighted)
    {
        fits[item] = descend(4, x, levels + first);
        return;
    }
    float w[16];
    weigh(importance, first, row_length, 2 * squares[item / 16] / 256, 16, x, w);
    float sum = 0;
    #pragma unroll
    for (int i = 0; i < 16; i++)
        sum += w[i];
    float inverse;
    fits[item] = search_scale(16, 4, x, w, &inverse);
    fits[2 * stride + item] = sum;
    store_levels(16, 4, inverse, x, levels + first);
}

__kernel void search_q6_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const ulong first = (ulong)item * 16;
    float x[16];
    float w[16];
    load_all(source, source_type, first, 16, x, fault);
    const uint column = (uint)(first % (ulong)row_length);
    #pragma unroll
    for (int i = 0; i < 16; i++)
        w[i] = weighted ? importance[column + i] : x[i] * x[i];
    float inverse;
    fits[item] = search_scale(16, 32, x, w, &inverse);
    store_levels(16, 32, inverse, x, levels + first);
}

INLINE float first_of_max_magnitude(__global const float *scales)
{
    float magnitude = 0;
    float max = 0;
    for (int i = 0; i < 16; i++)
    {
        if (fabs(scales[i]) > magnitude)
        {
            magnitude = fabs(scales[i]);
            max = scales[i];
        }
    }
    return max;
}

// A work-item per super-block.
__kernel void scale_q3_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 110;
    __global float *scales = fits + (ulong)item * 16;
    __global float *cleared = scales + stride;
    uchar codes[16];
    float factor = 0;
    if (weighted)
    {
        float x[16];
        float w[16];
        for (int i = 0; i < 16; i++)
        {
            x[i] = scales[i];
            w[i] = cleared[stride + i];
        }
        float inverse;
        factor = search_scale(16, 32, x, w, &inverse);
        for (int i = 0; i < 16; i++)
            codes[i] = inverse == 0 ? 0 : (uchar)(clamped(nearest_int(inverse * x[i]), -32, 31) + 32);
    }
    else
    {
        const float max = first_of_max_magnitude(scales);
        const float inverse = max != 0 ? -32.0f / max : 0;
        for (int i = 0; i < 16; i++)
            codes[i] = max != 0 ? (uchar)(clamped((char)nearest_int(inverse * scales[i]), -32, 31) + 32) : 0;
        factor = max != 0 ? 1 / inverse : 0;
    }
    factor = store_half(block + 108, factor, fault);
    for (int i = 0; i < 8; i++)
        block[96 + i] = (uchar)((codes[i] & 0xF) | ((codes[i + 8] & 0xF) << 4));
    for (int i = 0; i < 4; i++)
    {
        block[104 + i] = (uchar)((codes[i] >> 4) | ((codes[i + 4] >> 4) << 2)
            | ((codes[i + 8] >> 4) << 4) | ((codes[i + 12] >> 4) << 6));
    }
    for (int i = 0; i < 16; i++)
    {
        scales[i] = factor * (codes[i] - 32);
        cleared[i] = 0;
    }
}

__kernel void scale_q6_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 210;
    __global float *scales = fits + (ulong)item * 16;
    __global float *cleared = scales + stride;
    const float max = first_of_max_magnitude(scales);
    const int negligible = fabs(max) < GROUP_MAX_EPS;
    const float inverse = negligible ? 0 : -128.0f / max;
    const float factor = store_half(block + 208, negligible ? 0 : 1 / inverse, fault);
    for (int i = 0; i < 16; i++)
    {
        const int nearest = nearest_int(inverse * scales[i]);
        const char code = (char)(nearest < 127 ? nearest : 127);
        block[192 + i] = (uchar)code;
        scales[i] = factor * code;
        cleared[i] = negligible;
    }
}

// A weight's final level; if the scale vanishes, the level from the search, or 0 in a block that counts as zero.
INLINE uint scale_only_level(
    const ulong index, const int bound, __global const uchar *source, const int source_type,
    const uint stride, __global const float *fits, __global const uchar *levels)
{
    const uint sub_block = (uint)(index / 16);
    const float scale = fits[sub_block];
    if (scale == 0)
        return fits[stride + sub_block] != 0 ? 0 : levels[index];
    return clamped(nearest_int(load(source, source_type, index) / scale), -bound, bound - 1) + bound;
}

#define SCALE_ONLY_LEVEL(index, bound) scale_only_level(first + (index), bound, source, source_type, stride, fits, levels)

// 32 work-items per super-block, each a column of eight weights 32 apart.
__kernel void pack_q3_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const uint column = item % 32;
    const ulong first = (ulong)(item / 32) * 256 + column;
    __global uchar *block = blocks + (ulong)(item / 32) * 110;
    uint third_bits = 0;
    for (int half_block = 0; half_block < 2; half_block++)
    {
        uint byte = 0;
        for (int i = 0; i < 4; i++)
        {
            const uint level = SCALE_ONLY_LEVEL(half_block * 128 + i * 32, 4);
            byte |= (level & 3) << (2 * i);
            third_bits |= (level >> 2) << (4 * half_block + i);
        }
        block[32 + half_block * 32 + column] = (uchar)byte;
    }
    block[column] = (uchar)third_bits;
}

__kernel void pack_q6_K(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const uint column = item % 32;
    const ulong first = (ulong)(item / 32) * 256 + column;
    __global uchar *low = blocks + (ulong)(item / 32) * 210;
    __global uchar *high = low + 128;
    for (int half_block = 0; half_block < 2; half_block++)
    {
        uint level[4];
        for (int i = 0; i < 4; i++)
            level[i] = SCALE_ONLY_LEVEL(half_block * 128 + i * 32, 32);
        low[half_block * 64 + column] = (uchar)((level[0] & 0xF) | ((level[2] & 0xF) << 4));
        low[half_block * 64 + 32 + column] = (uchar)((level[1] & 0xF) | ((level[3] & 0xF) << 4));
        high[half_block * 32 + column] =
            (uchar)((level[0] >> 4) | ((level[1] >> 4) << 2) | ((level[2] >> 4) << 4) | ((level[3] >> 4) << 6));
    }
}
