// MXFP4 and NVFP4: 4-bit floats under 8-bit scales. One work-item per block.

// The eight 4-bit magnitudes, counted in halves like the scales below.
__constant float half_magnitudes[8] = { 0, 1, 2, 3, 4, 6, 8, 12 };

// The code nearest to a weight; the least on a tie. Zero has no sign.
INLINE uint nearest_code(const float value, const float scale)
{
    const float magnitude = fabs(value);
    float nearest = magnitude;
    uint code = 0;
    #pragma unroll
    for (int i = 1; i < 8; i++)
    {
        const float distance = fabs(half_magnitudes[i] * scale - magnitude);
        code = distance < nearest ? i : code;
        nearest = distance < nearest ? distance : nearest;
    }
    return code == 0 ? 0 : code | (as_uint(value) >> 31 << 3);
}

// floorf(log2f(value)) as a C library rounds it: a value just below a power of two counts as that power if the logarithm
// falls short of the integer by less than half the spacing of floats there.
INLINE int floor_of_log2(const float value)
{
    const int is_denormal = value < 1.17549435e-38f;
    const uint bits = as_uint(is_denormal ? value * 16777216.0f : value);
    const int next = (int)(bits >> 23) - 126 - (is_denormal ? 24 : 0);
    if (next == 0)
        return -1;
    const float below = as_float(as_uint((float)next) + (next > 0 ? -1 : 1));
    const float half_spacing = (next - below) / 2;
    const int shortfall = 0x00800000 - (int)(bits & 0x007FFFFF);
    return shortfall < half_spacing * (0.6931472f * 16777216.0f) ? next : next - 1;
}

__kernel void quantize_mxfp4(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 17;
    float x[32];
    load_all(source, source_type, (ulong)item * 32, 32, x, fault);
    float magnitude = 0;
    #pragma unroll
    for (int i = 0; i < 32; i++)
        magnitude = magnitude > fabs(x[i]) ? magnitude : fabs(x[i]);
    // The greatest 4-bit exponent is 2. Below 2^-125 the byte wraps, as it does in ggml; 0xFF is not a number.
    const uint exponent = magnitude > 0 ? (floor_of_log2(magnitude) - 2 + 127) & 0xFF : 0;
    if (exponent == 0xFF)
        *fault = 1;
    const float scale = as_float(exponent < 2 ? 0x00200000u << exponent : (exponent - 1) << 23);
    block[0] = (uchar)exponent;
    #pragma unroll
    for (int i = 0; i < 16; i++)
        block[1 + i] = (uchar)(nearest_code(x[i], scale) | (nearest_code(x[i + 16], scale) << 4));
}

// A positive float as four bits of exponent and three of mantissa, halves rounded up; ggml maps 256 and up to the
// greatest code.
INLINE uint encode_scale(const float value)
{
    if (!(value > 0))
        return 0;
    const uint bits = as_uint(value < 448 ? value : 448.0f);
    const int exponent = (int)(bits >> 23) - 127 + 7;
    if (exponent <= 0)
        return clamped((int)(value * 512 + 0.5f), 0, 7);
    const uint code = (((uint)exponent << 3) | ((bits >> 20) & 7)) + ((bits >> 19) & 1);
    return code >= 15 << 3 ? 0x7E : code;
}

// Half the scale.
INLINE float decode_scale(const uint code)
{
    const uint exponent = code >> 3;
    const uint mantissa = code & 7;
    return exponent == 0 ? mantissa / 1024.0f : as_float(((exponent - 7 + 127 - 1) << 23) | (mantissa << 20));
}

__kernel void quantize_nvfp4(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    __global uchar *block = blocks + (ulong)item * 36;
    #pragma unroll 1
    for (int sub_block = 0; sub_block < 4; sub_block++)
    {
        float x[16];
        load_all(source, source_type, (ulong)item * 64 + 16 * sub_block, 16, x, fault);
        float magnitude = 0;
        #pragma unroll
        for (int i = 0; i < 16; i++)
            magnitude = magnitude > fabs(x[i]) ? magnitude : fabs(x[i]);
        // 6 is the greatest 4-bit float.
        const uint code = encode_scale(magnitude / 6);
        const float scale = decode_scale(code);
        block[sub_block] = (uchar)code;
        #pragma unroll
        for (int i = 0; i < 8; i++)
            block[4 + 8 * sub_block + i] = (uchar)(nearest_code(x[i], scale) | (nearest_code(x[i + 8], scale) << 4));
    }
}
