// IQ4_NL and IQ4_XS: sixteen levels, denser around zero.

__constant float nonlinear_levels[16] =
    { -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113 };

// The level nearest to a value; NaN gives the last, as ggml's bisection does.
INLINE int nearest_level(const float value)
{
    int upper = 1;
    #pragma unroll
    for (int i = 1; i < 15; i++)
        upper += !(value < nonlinear_levels[i]);
    return value - nonlinear_levels[upper - 1] < nonlinear_levels[upper] - value ? upper - 1 : upper;
}

INLINE float search_nonlinear(const float *x, const float *w)
{
    const int reach = 7;
    float magnitude = 0;
    float max = 0;
    #pragma unroll
    for (int i = 0; i < 32; i++)
    {
        if (fabs(x[i]) > magnitude)
        {
            magnitude = fabs(x[i]);
            max = x[i];
        }
    }
    if (magnitude < GROUP_MAX_EPS)
        return 0;
    float scale = 0;
    float best = 0;
    #pragma unroll 1
    for (int step = -reach - 1; step <= reach; step++)
    {
        // The first candidate is the plain scale.
        const int plain = step == -reach - 1;
        const float inverse = plain ? 1 / (-max / nonlinear_levels[0]) : (step + nonlinear_levels[0]) / max;
        float products = 0;
        float sum = 0;
        for (int i = 0; i < 32; i++)
        {
            const float level = nonlinear_levels[nearest_level(inverse * x[i])];
            products += w[i] * level * x[i];
            sum += w[i] * level * level;
        }
        if (plain)
        {
            scale = sum > 0 ? products / sum : 0;
            best = scale * products;
        }
        else if (sum > 0 && products * products > best * sum)
        {
            scale = products / sum;
            best = scale * products;
        }
    }
    return scale;
}

INLINE float nonlinear_scale(
    const ulong first, const float variance, __global const float *importance, const int weighted, const int row_length,
    const float *x)
{
    float w[32];
    if (weighted)
    {
        weigh(importance, first, row_length, variance, 32, x, w);
    }
    else
    {
        #pragma unroll
        for (int i = 0; i < 32; i++)
            w[i] = x[i] * x[i];
    }
    return search_nonlinear(x, w);
}

__kernel void quantize_iq4_nl(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 18;
    const ulong first = (ulong)item * 32;
    float x[32];
    load_all(source, source_type, first, 32, x, fault);
    float sum = 0;
    #pragma unroll
    for (int i = 0; i < 32; i++)
        sum += x[i] * x[i];
    const float scale = nonlinear_scale(first, sum * (2.0f / 32), importance, weighted, row_length, x);
    store_half(block, scale, fault);
    const float inverse = scale != 0 ? 1 / scale : 0;
    #pragma unroll
    for (int i = 0; i < 16; i++)
        block[2 + i] = (uchar)(nearest_level(inverse * x[i]) | (nearest_level(inverse * x[i + 16]) << 4));
}

// A work-item per sub-block.
__kernel void search_iq4_xs(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const ulong first = (ulong)item * 32;
    float x[32];
    load_all(source, source_type, first, 32, x, fault);
    const float variance = weighted ? squares[item / 8] * (2.0f / 256) : 0;
    fits[item] = nonlinear_scale(first, variance, importance, weighted, row_length, x);
}

// A work-item per super-block.
__kernel void scale_iq4_xs(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 136;
    __global float *scales = fits + (ulong)item * 8;
    float magnitude = 0;
    float max = 0;
    for (int i = 0; i < 8; i++)
    {
        if (fabs(scales[i]) > magnitude)
        {
            magnitude = fabs(scales[i]);
            max = scales[i];
        }
    }
    const float factor = -max / 32;
    const float inverse = factor != 0 ? 1 / factor : 0;
    store_half(block, factor, fault);
    uint high = 0;
    for (int i = 0; i < 8; i++)
    {
        const int level = clamped(nearest_int(inverse * scales[i]), -32, 31);
        const float scale = factor * level;
        scales[i] = scale != 0 ? 1 / scale : 0;
        const uint code = level + 32;
        high |= (code >> 4) << (2 * i);
        const uchar low = (uchar)((code & 0xF) << (4 * (i % 2)));
        block[4 + i / 2] = i % 2 == 0 ? low : (uchar)(block[4 + i / 2] | low);
    }
    block[2] = (uchar)high;
    block[3] = (uchar)(high >> 8);
}

// 32 work-items per super-block.
__kernel void pack_iq4_xs(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const uint super_block = item / 32;
    __global uchar *codes = blocks + (ulong)super_block * 136 + 8;
    for (uint byte = item % 32; byte < 128; byte += 32)
    {
        const uint sub_block = super_block * 8 + byte / 16;
        const ulong first = (ulong)sub_block * 32 + byte % 16;
        const float inverse = fits[sub_block];
        const int low = nearest_level(inverse * load(source, source_type, first));
        const int high = nearest_level(inverse * load(source, source_type, first + 16));
        codes[byte] = (uchar)(low | (high << 4));
    }
}
