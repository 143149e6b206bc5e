// Shared by all kernels. OpenCL C 1.2, self-contained: no headers, no extensions.
//
// The results must be ggml's bits. So no multiplication is ever fused with an addition, sums keep ggml's order within
// one work-item, and C's conversions are spelled out with the reference's x86 results. Non-finite values are not handled
// here: they raise `fault`, and the host repeats the job on the processor.
#pragma OPENCL FP_CONTRACT OFF

#define INLINE static inline __attribute__((always_inline))
#define GROUP_MAX_EPS 1e-15f
#define GREATEST_FLOAT 3.402823466e+38f

// ggml's tensor type numbers.
#define TYPE_F32 0
#define TYPE_F16 1

// Every kernel takes the same arguments and uses those it needs.
//   source       rows of weights in source_type, row_length each
//   importance   a factor per column, if weighted is not 0
//   count        work-items with work to do
//   stride       sub-blocks in the job: fits holds three numbers for each, [number][sub-block]
//   squares      a sum of squares per row or super-block
//   levels       a byte per weight, between search and pack
//   grid_map     ggml's kmap: by code, the point's index, or the complement of the offset of the code's neighbours
//   neighbours   ggml's kneighbors: lists of codes, each preceded by its length
//   blocks       the result
//   fault        set to 1 by anything that is not finite
#define ARGUMENTS \
    __global const uchar *source, const int source_type, __global const float *importance, const int weighted, \
    const int row_length, const uint count, const uint stride, __global float *squares, __global float *fits, \
    __global uchar *levels, __global const int *grid_map, __global const ushort *neighbours, __global uchar *blocks, \
    __global int *fault

#define PASSED \
    source, source_type, importance, weighted, row_length, count, stride, squares, fits, levels, grid_map, neighbours, \
    blocks, fault

INLINE float half_to_float(const uint half_bits)
{
    const uint magnitude = half_bits & 0x7FFF;
    const float normal = as_float((magnitude << 13) + 0x70000000) * 1.925929944387235853055977942584927e-34f;
    const float denormal = as_float(magnitude | (126u << 23)) - 0.5f;
    return as_float(as_uint(magnitude < 0x400 ? denormal : normal) | ((half_bits & 0x8000) << 16));
}

INLINE uint float_to_half(const float value)
{
    const uint bits = as_uint(value);
    const uint exponent = bits & 0x7F800000;
    const float scaled = (fabs(value) * 5.192296858534827628530496329220096e33f) * 7.703719777548943412223911770339709e-34f;
    const uint rounded = as_uint(as_float((exponent < 0x38800000 ? 0x38800000 : exponent) + 0x07800000) + scaled);
    const uint half_bits = ((rounded >> 13) & 0x7C00) + (rounded & 0x0FFF);
    return ((bits >> 16) & 0x8000) | ((bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7E00 : half_bits);
}

INLINE uint checked_half(const float value, __global int *fault)
{
    const uint half_bits = float_to_half(value);
    if ((half_bits & 0x7C00) == 0x7C00)
        *fault = 1;
    return half_bits;
}

// Stores a scale and returns the value it reads back as.
INLINE float store_half(__global uchar *at, const float value, __global int *fault)
{
    const uint half_bits = checked_half(value, fault);
    at[0] = (uchar)half_bits;
    at[1] = (uchar)(half_bits >> 8);
    return half_to_float(half_bits);
}

INLINE float load(__global const uchar *source, const int source_type, const ulong index)
{
    if (source_type == TYPE_F32)
        return ((__global const float *)source)[index];
    const uint bits = ((__global const ushort *)source)[index];
    return source_type == TYPE_F16 ? half_to_float(bits) : as_float(bits << 16);
}

INLINE void load_all(
    __global const uchar *source, const int source_type, const ulong first, const int n, float *x, __global int *fault)
{
    // Branch-free loops unroll, which keeps x in registers.
    if (source_type == TYPE_F32)
    {
        for (int i = 0; i < n; i++)
            x[i] = ((__global const float *)source)[first + i];
    }
    else
    {
        for (int i = 0; i < n; i++)
        {
            const uint bits = ((__global const ushort *)source)[first + i];
            x[i] = source_type == TYPE_F16 ? half_to_float(bits) : as_float(bits << 16);
        }
    }
    int finite = 1;
    for (int i = 0; i < n; i++)
        finite &= (as_uint(x[i]) & 0x7F800000) != 0x7F800000;
    if (!finite)
        *fault = 1;
}

// ggml's nearest_int. NaN gives 0, as on x86, whatever bits this device gives NaN.
INLINE int nearest_int(const float value)
{
    return value != value ? 0 : (as_int(value + 12582912.0f) & 0x007FFFFF) - 0x00400000;
}

INLINE int clamped(const int value, const int least, const int greatest)
{
    const int below = value < greatest ? value : greatest;
    return below > least ? below : least;
}

// C's cast on x86: NaN and out-of-range values give INT_MIN.
INLINE int truncated(const float value)
{
    return value > -2147483904.0f && value < 2147483648.0f ? (int)value : (int)0x80000000;
}

// (int)roundf(value).
INLINE int rounded(const float value)
{
    return truncated(value + as_float(as_uint(0.49999997f) | (as_uint(value) & 0x80000000)));
}

// The factor of each weight's error: importance times the root of the weight's square and the variance around it.
INLINE void weigh(
    __global const float *importance, const ulong first, const int row_length, const float variance,
    const int n, const float *x, float *w)
{
    const uint column = (uint)(first % (ulong)row_length);
    for (int i = 0; i < n; i++)
        w[i] = importance[column + i] * sqrt(variance + x[i] * x[i]);
}

// ggml's make_qx_quants: the scale, and levels from -bound to bound - 1 as inverse_scale * x, rounded and clamped.
INLINE float search_scale(const int n, const int bound, const float *x, const float *w, float *inverse_scale)
{
    float max = 0;
    float magnitude = 0;
    for (int i = 0; i < n; i++)
    {
        if (fabs(x[i]) > magnitude)
        {
            magnitude = fabs(x[i]);
            max = x[i];
        }
    }
    *inverse_scale = 0;
    if (magnitude < GROUP_MAX_EPS)
        return 0;
    float scale = 0;
    float best = 0;
    #pragma unroll 1
    for (int step = -10; step <= 9; step++)
    {
        // The first candidate is the plain scale; 0 is not tried again.
        if (step == 0)
            continue;
        const float candidate = step == -10 ? -bound / max : -(bound + 0.1f * step) / max;
        float products = 0;
        float squares = 0;
        for (int i = 0; i < n; i++)
        {
            const float level = clamped(nearest_int(candidate * x[i]), -bound, bound - 1);
            products += w[i] * x[i] * level;
            squares += w[i] * level * level;
        }
        if (step == -10)
        {
            scale = squares != 0 ? products / squares : 0;
            best = scale * products;
            *inverse_scale = candidate;
        }
        else if (squares > 0 && products * products > best * squares)
        {
            scale = products / squares;
            best = scale * products;
            *inverse_scale = candidate;
        }
    }
    return scale;
}

typedef struct
{
    float scale;
    float minimum;
    float level_scale;
    float level_minimum;
} scale_min_fit;

// ggml's make_qkx2_quants and make_qkx3_quants: a scale and the number subtracted; levels from 0 to max_level as
// level_scale * (x - level_minimum), rounded and clamped.
INLINE scale_min_fit search_scale_min(
    const int n, const int max_level, const float *x, const float *w,
    const float first, const float delta, const int last, const int absolute)
{
    float min = x[0];
    float max = x[0];
    float sum_w = w[0];
    float sum_x = sum_w * x[0];
    for (int i = 1; i < n; i++)
    {
        min = x[i] < min ? x[i] : min;
        max = x[i] > max ? x[i] : max;
        sum_w += w[i];
        sum_x += w[i] * x[i];
    }
    min = min > 0 ? 0 : min;
    scale_min_fit fit = { 0, -min, 0, 0 };
    if (max <= min)
        return fit;

    float inverse = max_level / (max - min);
    float scale = 1 / inverse;
    float best_error = 0;
    for (int i = 0; i < n; i++)
    {
        const float level = clamped(nearest_int(inverse * (x[i] - min)), 0, max_level);
        const float difference = scale * level + min - x[i];
        best_error += w[i] * (absolute ? fabs(difference) : difference * difference);
    }
    fit.level_scale = inverse;
    fit.level_minimum = min;
    #pragma unroll 1
    for (int step = 0; step <= last; step++)
    {
        inverse = (first + delta * step + max_level) / (max - min);
        float sum_l = 0;
        float sum_l2 = 0;
        float sum_xl = 0;
        for (int i = 0; i < n; i++)
        {
            const float level = clamped(nearest_int(inverse * (x[i] - min)), 0, max_level);
            sum_l += w[i] * level;
            sum_l2 += w[i] * level * level;
            sum_xl += w[i] * level * x[i];
        }
        const float determinant = sum_w * sum_l2 - sum_l * sum_l;
        if (!(determinant > 0))
            continue;
        float new_scale = (sum_w * sum_xl - sum_x * sum_l) / determinant;
        float new_min = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
        if (new_min > 0)
        {
            new_min = 0;
            new_scale = sum_xl / sum_l2;
        }
        float error = 0;
        for (int i = 0; i < n; i++)
        {
            const float level = clamped(nearest_int(inverse * (x[i] - min)), 0, max_level);
            const float difference = new_scale * level + new_min - x[i];
            error += w[i] * (absolute ? fabs(difference) : difference * difference);
        }
        if (error < best_error)
        {
            best_error = error;
            fit.level_scale = inverse;
            fit.level_minimum = min;
            scale = new_scale;
            min = new_min;
        }
    }
    fit.scale = scale;
    fit.minimum = -min;
    return fit;
}

// ggml's make_qp_quants: a scale, and a byte for each non-negative number.
INLINE float search_positive(const int n, const int max_code, const float *x, const float *w, uchar *codes)
{
    float max = 0;
    #pragma unroll 1
    for (int i = 0; i < n; i++)
        max = max > x[i] ? max : x[i];
    if (max < GROUP_MAX_EPS)
    {
        #pragma unroll 1
        for (int i = 0; i < n; i++)
            codes[i] = 0;
        return 0;
    }
    float inverse = max_code / max;
    float scale = 1 / inverse;
    float best = 0;
    #pragma unroll 1
    for (int i = 0; i < n; i++)
    {
        const float difference = x[i] - scale * (uchar)nearest_int(inverse * x[i]);
        best += w[i] * difference * difference;
    }
    #pragma unroll 1
    for (int step = -4; step <= 4; step++)
    {
        if (step == 0)
            continue;
        const float candidate = (0.1f * step + max_code) / max;
        scale = 1 / candidate;
        float error = 0;
        #pragma unroll 1
        for (int i = 0; i < n; i++)
        {
            const int code = nearest_int(candidate * x[i]);
            const float difference = x[i] - scale * (code < max_code ? code : max_code);
            error += w[i] * difference * difference;
        }
        if (error < best)
        {
            best = error;
            inverse = candidate;
        }
    }
    float products = 0;
    float sum = 0;
    #pragma unroll 1
    for (int i = 0; i < n; i++)
    {
        const int nearest = nearest_int(inverse * x[i]);
        const int code = nearest < max_code ? nearest : max_code;
        codes[i] = (uchar)code;
        products += w[i] * x[i] * code;
        sum += w[i] * code * code;
    }
    #pragma unroll 1
    for (int pass = 0; pass < 5; pass++)
    {
        int changed = 0;
        #pragma unroll 1
        for (int i = 0; i < n; i++)
        {
            float other_products = products - w[i] * x[i] * codes[i];
            float other_sum = sum - w[i] * codes[i] * codes[i];
            if (!(other_products > 0 && other_sum > 0))
                continue;
            const int nearest = nearest_int(x[i] * other_sum / other_products);
            const int code = nearest < max_code ? nearest : max_code;
            if (code == codes[i])
                continue;
            other_products += w[i] * x[i] * code;
            other_sum += w[i] * code * code;
            if (other_products * other_products * sum > products * products * other_sum)
            {
                codes[i] = (uchar)code;
                products = other_products;
                sum = other_sum;
                changed = 1;
            }
        }
        if (!changed)
            break;
    }
    return sum > 0 ? products / sum : 0;
}

INLINE float greatest(const int n, __global const float *x)
{
    float max = 0;
    #pragma unroll 1
    for (int i = 0; i < n; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

// A grid code is a group's digits, the first lowest: eight of two bits or four of three.
INLINE int digit_at(const int dimensions, const uint code, const int i)
{
    return dimensions == 8 ? (code >> (2 * i)) & 3 : (code >> (3 * i)) & 7;
}

// The first point in a list with the least error, where digit d is the level (spacing * d + lowest) * unit.
INLINE uint nearest_point(
    const int dimensions, const int spacing, const int lowest, const float unit, const float scale,
    const float *x, const float *w, __global const ushort *list, __global int *fault)
{
    const uint length = list[0];
    uint nearest = list[1];
    float least = GREATEST_FLOAT;
    #pragma unroll 1
    for (uint j = 1; j <= length; j++)
    {
        const uint code = list[j];
        float error = 0;
        #pragma unroll
        for (int i = 0; i < dimensions; i++)
        {
            const float level = (spacing * digit_at(dimensions, code, i) + lowest) * unit;
            const float difference = scale * level - x[i];
            error += w[i] * difference * difference;
        }
        if (error < least)
        {
            least = error;
            nearest = code;
        }
    }
    if (!(least < GREATEST_FLOAT))
        *fault = 1;
    return nearest;
}

// A sum of squares over each row_length weights, added in order.
__kernel void sum_squares(ARGUMENTS)
{
    const uint item = get_global_id(0);
    if (item >= count)
        return;
    float sum = 0;
    for (int i = 0; i < row_length; i++)
    {
        const float x = load(source, source_type, (ulong)item * row_length + i);
        sum += x * x;
    }
    squares[item] = sum;
}
