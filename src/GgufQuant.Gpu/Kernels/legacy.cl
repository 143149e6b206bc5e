// Formats whose block is 32 weights under one scale: one work-item per block.

INLINE void store_nibbles(__global uchar *at, const uchar *codes)
{
    #pragma unroll
    for (int i = 0; i < 16; i++)
        at[i] = (uchar)((codes[i] & 0xF) | (codes[i + 16] << 4));
}

INLINE void store_fifth_bits(__global uchar *at, const uchar *codes)
{
    #pragma unroll
    for (int byte = 0; byte < 4; byte++)
    {
        uint bits = 0;
        #pragma unroll
        for (int i = 0; i < 8; i++)
            bits |= ((codes[8 * byte + i] >> 4) & 1u) << i;
        at[byte] = (uchar)bits;
    }
}

// Q4_0 and Q5_0 (codes around zero), Q4_1 and Q5_1 (codes above a minimum).
INLINE void quantize_legacy(const int bits, const int has_minimum, ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    const int max_code = (1 << bits) - 1;
    const int zero_code = 1 << (bits - 1);
    const int header = has_minimum ? 4 : 2;
    const ulong first = (ulong)item * 32;
    __global uchar *block = blocks + (ulong)item * (header + (bits == 5 ? 4 : 0) + 16);
    float x[32];
    float w[32];
    uchar codes[32];
    load_all(source, source_type, first, 32, x, fault);
    if (weighted)
        weigh(importance, first, row_length, squares[first / (ulong)row_length] / row_length, 32, x, w);

    if (has_minimum)
    {
        float scale;
        float min;
        if (weighted)
        {
            const scale_min_fit fit = search_scale_min(32, max_code, x, w, -0.9f, 0.05f, 36, 0);
            scale = fit.scale;
            min = -fit.minimum;
            #pragma unroll
            for (int i = 0; i < 32; i++)
                codes[i] = clamped(nearest_int(fit.level_scale * (x[i] - fit.level_minimum)), 0, max_code);
        }
        else
        {
            min = x[0];
            float max = x[0];
            #pragma unroll
            for (int i = 1; i < 32; i++)
            {
                min = x[i] < min ? x[i] : min;
                max = x[i] > max ? x[i] : max;
            }
            scale = (max - min) / max_code;
            const float inverse = scale != 0 ? 1 / scale : 0;
            #pragma unroll
            for (int i = 0; i < 32; i++)
            {
                const int code = (char)truncated((x[i] - min) * inverse + 0.5f);
                codes[i] = code < max_code ? code : max_code;
            }
        }
        store_half(block, scale, fault);
        store_half(block + 2, min, fault);
    }
    else
    {
        float scale;
        if (weighted)
        {
            float inverse;
            scale = search_scale(32, zero_code, x, w, &inverse);
            #pragma unroll
            for (int i = 0; i < 32; i++)
                codes[i] = inverse == 0 ? 0 : clamped(nearest_int(inverse * x[i]), -zero_code, zero_code - 1) + zero_code;
        }
        else
        {
            float magnitude = 0;
            float max = 0;
            #pragma unroll
            for (int i = 0; i < 32; i++)
            {
                if (magnitude < fabs(x[i]))
                {
                    magnitude = fabs(x[i]);
                    max = x[i];
                }
            }
            scale = max / -zero_code;
            const float inverse = scale != 0 ? 1 / scale : 0;
            #pragma unroll
            for (int i = 0; i < 32; i++)
            {
                const int code = (char)truncated(x[i] * inverse + (zero_code + 0.5f));
                codes[i] = code < max_code ? code : max_code;
            }
        }
        store_half(block, scale, fault);
    }
    if (bits == 5)
        store_fifth_bits(block + header, codes);
    store_nibbles(block + header + (bits == 5 ? 4 : 0), codes);
}


__kernel void quantize_q4_0(ARGUMENTS) { quantize_legacy(4, 0, PASSED); }
__kernel void quantize_q4_1(ARGUMENTS) { quantize_legacy(4, 1, PASSED); }
__kernel void quantize_q5_0(ARGUMENTS) { quantize_legacy(5, 0, PASSED); }
__kernel void quantize_q5_1(ARGUMENTS) { quantize_legacy(5, 1, PASSED); }

__kernel void quantize_q8_0(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 34;
    float x[32];
    load_all(source, source_type, (ulong)item * 32, 32, x, fault);
    float magnitude = 0;
    #pragma unroll
    for (int i = 0; i < 32; i++)
        magnitude = magnitude > fabs(x[i]) ? magnitude : fabs(x[i]);
    const float scale = magnitude / 127;
    const float inverse = scale != 0 ? 1 / scale : 0;
    store_half(block, scale, fault);
    #pragma unroll
    for (int i = 0; i < 32; i++)
        block[2 + i] = (uchar)rounded(x[i] * inverse);
}
