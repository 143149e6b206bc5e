using System.Text.RegularExpressions;
using GgufQuant.Formats;
using GgufQuant.Simd;

namespace GgufQuant.Tests.Simd;

/// <summary>A kernel of a format that can be run at any lane width, whatever this machine's is.</summary>
internal abstract class LaneKernel(string name, GgmlType type)
{
    /// <summary>The widths in bits that are compared with scalar code, whose width is 0.</summary>
    public static IReadOnlyList<int> Widths { get; } = [128, 256, 512];

    /// <summary>Every kernel that <see cref="WidestLanes"/> runs to quantize.</summary>
    public static IReadOnlyList<LaneKernel> Quantizers { get; } =
    [
        new Quantizer<HalfWidthTraversal<F16>>(GgmlType.F16),
        new Quantizer<HalfWidthTraversal<BF16>>(GgmlType.BF16),
        new Quantizer<LegacyBlocks<Q4_0>>(GgmlType.Q4_0),
        new Quantizer<LegacyBlocks<Q4_1>>(GgmlType.Q4_1),
        new Quantizer<LegacyBlocks<Q5_0>>(GgmlType.Q5_0),
        new Quantizer<LegacyBlocks<Q5_1>>(GgmlType.Q5_1),
        new Quantizer<LegacyImatrixBlocks<Q4_0>>(GgmlType.Q4_0),
        new Quantizer<LegacyImatrixBlocks<Q4_1>>(GgmlType.Q4_1),
        new Quantizer<LegacyImatrixBlocks<Q5_0>>(GgmlType.Q5_0),
        new Quantizer<LegacyImatrixBlocks<Q5_1>>(GgmlType.Q5_1),
        new Quantizer<BlockTraversal<Q8_0>>(GgmlType.Q8_0),
        new Quantizer<Q1_0>(GgmlType.Q1_0),
        new Quantizer<BlockTraversal<Q2_0>>(GgmlType.Q2_0),
        new Quantizer<ScaleMinBlocks<Q2_K>>(GgmlType.Q2_K),
        new Quantizer<ScaleOnlyBlocks<Q3_K>>(GgmlType.Q3_K),
        new Quantizer<ScaleMinBlocks<Q4_K>>(GgmlType.Q4_K),
        new Quantizer<ScaleMinBlocks<Q5_K>>(GgmlType.Q5_K),
        new Quantizer<ScaleOnlyBlocks<Q6_K>>(GgmlType.Q6_K),
        new Quantizer<IQ1Quantizer<IQ1_S, IQ1_SSums>>(GgmlType.IQ1_S),
        new Quantizer<IQ1Quantizer<IQ1_M, IQ1_MSums>>(GgmlType.IQ1_M),
        new Quantizer<GridQuantizer<IQ2_XXS>>(GgmlType.IQ2_XXS),
        new Quantizer<GridQuantizer<IQ2_XS>>(GgmlType.IQ2_XS),
        new Quantizer<GridQuantizer<IQ2_S>>(GgmlType.IQ2_S),
        new Quantizer<GridQuantizer<IQ3_XXS>>(GgmlType.IQ3_XXS),
        new Quantizer<GridQuantizer<IQ3_S>>(GgmlType.IQ3_S),
        new Quantizer<NonlinearQuantizer<IQ4_NL>>(GgmlType.IQ4_NL),
        new Quantizer<NonlinearQuantizer<IQ4_XS>>(GgmlType.IQ4_XS),
        new Quantizer<BlockTraversal<TQ1_0>>(GgmlType.TQ1_0),
        new Quantizer<BlockTraversal<TQ2_0>>(GgmlType.TQ2_0),
        new Quantizer<BlockTraversal<MXFP4>>(GgmlType.MXFP4),
        new Quantizer<BlockTraversal<NVFP4>>(GgmlType.NVFP4),
    ];

    /// <summary>Every kernel that <see cref="WidestLanes"/> runs to dequantize.</summary>
    public static IReadOnlyList<LaneKernel> Dequantizers { get; } =
    [
        new Dequantizer<HalfWidthTraversal<F16>>(GgmlType.F16),
        new Dequantizer<HalfWidthTraversal<BF16>>(GgmlType.BF16),
        new Dequantizer<LegacyBlocks<Q4_0>>(GgmlType.Q4_0),
        new Dequantizer<LegacyBlocks<Q4_1>>(GgmlType.Q4_1),
        new Dequantizer<LegacyBlocks<Q5_0>>(GgmlType.Q5_0),
        new Dequantizer<LegacyBlocks<Q5_1>>(GgmlType.Q5_1),
        new Dequantizer<BlockTraversal<Q8_0>>(GgmlType.Q8_0),
        new Dequantizer<BlockTraversal<Q1_0>>(GgmlType.Q1_0),
        new Dequantizer<BlockTraversal<Q2_0>>(GgmlType.Q2_0),
        new Dequantizer<ScaleMinBlocks<Q2_K>>(GgmlType.Q2_K),
        new Dequantizer<ScaleOnlyBlocks<Q3_K>>(GgmlType.Q3_K),
        new Dequantizer<ScaleMinBlocks<Q4_K>>(GgmlType.Q4_K),
        new Dequantizer<ScaleMinBlocks<Q5_K>>(GgmlType.Q5_K),
        new Dequantizer<ScaleOnlyBlocks<Q6_K>>(GgmlType.Q6_K),
        new Dequantizer<Q8_K>(GgmlType.Q8_K),
        new Dequantizer<CodebookDequantizer<IQ1_S>>(GgmlType.IQ1_S),
        new Dequantizer<CodebookDequantizer<IQ1_M>>(GgmlType.IQ1_M),
        new Dequantizer<CodebookDequantizer<IQ2_XXS>>(GgmlType.IQ2_XXS),
        new Dequantizer<CodebookDequantizer<IQ2_XS>>(GgmlType.IQ2_XS),
        new Dequantizer<CodebookDequantizer<IQ2_S>>(GgmlType.IQ2_S),
        new Dequantizer<CodebookDequantizer<IQ3_XXS>>(GgmlType.IQ3_XXS),
        new Dequantizer<CodebookDequantizer<IQ3_S>>(GgmlType.IQ3_S),
        new Dequantizer<CodebookDequantizer<IQ4_NL>>(GgmlType.IQ4_NL),
        new Dequantizer<CodebookDequantizer<IQ4_XS>>(GgmlType.IQ4_XS),
        new Dequantizer<BlockTraversal<TQ1_0>>(GgmlType.TQ1_0),
        new Dequantizer<BlockTraversal<TQ2_0>>(GgmlType.TQ2_0),
        new Dequantizer<BlockTraversal<MXFP4>>(GgmlType.MXFP4),
        new Dequantizer<BlockTraversal<NVFP4>>(GgmlType.NVFP4),
    ];

    /// <summary>The kernel as the source spells it.</summary>
    public string Name => name;

    /// <summary>What it writes or reads.</summary>
    public BlockFormat Format { get; } = BlockFormat.Of(type);

    /// <summary>What importance means to this kernel.</summary>
    public ImatrixSupport Importance =>
        Name.StartsWith("LegacyImatrixBlocks", StringComparison.Ordinal) ? ImatrixSupport.Required
        : Name.StartsWith("LegacyBlocks", StringComparison.Ordinal) ? ImatrixSupport.Ignored
        : Format.Importance;

    /// <summary>Quantizes rows at a width.</summary>
    public virtual byte[] Quantize(int bits, ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance) => throw new NotSupportedException();

    /// <summary>Dequantizes blocks at a width.</summary>
    public virtual float[] Dequantize(int bits, ReadOnlySpan<byte> blocks) => throw new NotSupportedException();

    public override string ToString() => Name;

    private static string NameOf(Type type) => type.IsGenericType
        ? $"{Regex.Replace(type.Name, "`.*", "")}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>"
        : type.Name;

    private sealed class Quantizer<TKernel>(GgmlType type) : LaneKernel(NameOf(typeof(TKernel)), type)
        where TKernel : struct, ILaneQuantizer
    {
        public override byte[] Quantize(int bits, ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance)
        {
            byte[] blocks = new byte[Format.ByteCount(weights.Length)];
            switch (bits)
            {
                case 512: TKernel.Quantize<FloatLanes512, IntLanes512>(weights, rowLength, importance, blocks); break;
                case 256: TKernel.Quantize<FloatLanes256, IntLanes256>(weights, rowLength, importance, blocks); break;
                case 128: TKernel.Quantize<FloatLanes128, IntLanes128>(weights, rowLength, importance, blocks); break;
                default: TKernel.Quantize<FloatLane, IntLane>(weights, rowLength, importance, blocks); break;
            }
            return blocks;
        }
    }

    private sealed class Dequantizer<TKernel>(GgmlType type) : LaneKernel(NameOf(typeof(TKernel)), type)
        where TKernel : struct, ILaneDequantizer
    {
        public override float[] Dequantize(int bits, ReadOnlySpan<byte> blocks)
        {
            float[] weights = new float[blocks.Length / Format.BlockBytes * Format.BlockSize];
            switch (bits)
            {
                case 512: TKernel.Dequantize<FloatLanes512, IntLanes512>(blocks, weights); break;
                case 256: TKernel.Dequantize<FloatLanes256, IntLanes256>(blocks, weights); break;
                case 128: TKernel.Dequantize<FloatLanes128, IntLanes128>(blocks, weights); break;
                default: TKernel.Dequantize<FloatLane, IntLane>(blocks, weights); break;
            }
            return weights;
        }
    }
}
