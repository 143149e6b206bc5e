// Weights rounded to -1, 0 and 1 (TQ1_0, TQ2_0, Q2_0) or to their signs (Q1_0): one work-item per block. A block does not
// fit in registers, so its weights are read again for packing.

// The greatest magnitude, the scale of these formats.
INLINE float greatest_magnitude(
    __global const uchar *source, const int source_type, const ulong first, const int n, __global int *fault)
{
    float magnitude = 0;
    #pragma unroll 1
    for (int start = 0; start < n; start += 32)
    {
        float x[32];
        load_all(source, source_type, first + start, 32, x, fault);
        #pragma unroll
        for (int i = 0; i < 32; i++)
            magnitude = magnitude > fabs(x[i]) ? magnitude : fabs(x[i]);
    }
    return magnitude;
}

// Packs digits a stride apart: a byte is ceil(number * 256 / 3^5), so that multiplying by three carries digits out.
INLINE void store_digits(
    __global const uchar *source, const int source_type, const ulong first, const int stride, const int digits,
    const float inverse, __global uchar *codes)
{
    #pragma unroll 1
    for (int i = 0; i < stride; i++)
    {
        uint number = 0;
        for (int n = 0; n < digits; n++)
            number = number * 3 + (uint)rounded(load(source, source_type, first + i + n * stride) * inverse) + 1;
        if (digits == 4)
            number *= 3;
        codes[i] = (uchar)(((number & 0xFF) * 256 + 242) / 243);
    }
}

__kernel void quantize_tq1_0(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 54;
    const ulong first = (ulong)item * 256;
    const float scale = greatest_magnitude(source, source_type, first, 256, fault);
    const float inverse = scale != 0 ? 1 / scale : 0;
    store_digits(source, source_type, first, 32, 5, inverse, block);
    store_digits(source, source_type, first + 160, 16, 5, inverse, block + 32);
    store_digits(source, source_type, first + 240, 4, 4, inverse, block + 48);
    store_half(block + 52, scale, fault);
}

__kernel void quantize_tq2_0(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 66;
    const float scale = greatest_magnitude(source, source_type, (ulong)item * 256, 256, fault);
    const float inverse = scale != 0 ? 1 / scale : 0;
    #pragma unroll 1
    for (int byte = 0; byte < 64; byte++)
    {
        const ulong first = (ulong)item * 256 + byte / 32 * 128 + byte % 32;
        uint packed = 0;
        #pragma unroll
        for (int n = 0; n < 4; n++)
        {
            const uint code = (uint)rounded(load(source, source_type, first + 32 * n) * inverse) + 1;
            packed |= (code & 3) << (2 * n);
        }
        block[byte] = (uchar)packed;
    }
    store_half(block + 64, scale, fault);
}

__kernel void quantize_q2_0(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 18;
    const ulong first = (ulong)item * 64;
    const float scale = greatest_magnitude(source, source_type, first, 64, fault);
    const float inverse = scale > 0 ? 1 / scale : 0;
    store_half(block, scale, fault);
    #pragma unroll 1
    for (int byte = 0; byte < 16; byte++)
    {
        uint packed = 0;
        #pragma unroll
        for (int n = 0; n < 4; n++)
        {
            const uint code = (uint)rounded(load(source, source_type, first + 4 * byte + n) * inverse) + 1;
            packed |= (uint)clamped((int)code, 0, 3) << (2 * n);
        }
        block[2 + byte] = (uchar)packed;
    }
}

__kernel void quantize_q1_0(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 18;
    float sum = 0;
    #pragma unroll 1
    for (int word = 0; word < 4; word++)
    {
        float x[32];
        uint bits = 0;
        load_all(source, source_type, (ulong)item * 128 + 32 * word, 32, x, fault);
        #pragma unroll
        for (int i = 0; i < 32; i++)
        {
            sum += fabs(x[i]);
            bits |= (x[i] < 0 ? 0u : 1u) << i;
        }
        #pragma unroll
        for (int byte = 0; byte < 4; byte++)
            block[2 + 4 * word + byte] = (uchar)(bits >> (8 * byte));
    }
    store_half(block, sum / 128, fault);
}
