using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using GgufQuant.Formats;
using GgufQuant.Tests.Formats;

namespace GgufQuant.Tests.Simd;

/// <summary>Every kernel gives its scalar code's result at every width, bit for bit. BlockFormatTests compares the machine's own width with ggml.</summary>
public partial class LaneKernelTests
{
    private const int BlocksPerRow = 3;
    private const int Rows = 3;

    private static readonly string[] s_weights = ["gaussian", "heavy-tail", "ties", "sparse-signed-zeros", "denormal", "one-outlier", "random-bits"];

    public static TheoryData<string, int> Quantizers => [.. from kernel in LaneKernel.Quantizers from bits in LaneKernel.Widths select (kernel.Name, bits)];

    public static TheoryData<string, int> Dequantizers => [.. from kernel in LaneKernel.Dequantizers from bits in LaneKernel.Widths select (kernel.Name, bits)];

    [Theory]
    [MemberData(nameof(Quantizers))]
    public void A_kernel_quantizes_as_its_scalar_code(string name, int bits)
    {
        LaneKernel kernel = LaneKernel.Quantizers.Single(kernel => kernel.Name == name);
        int rowLength = BlocksPerRow * kernel.Format.BlockSize;
        foreach (string data in s_weights.Where(data => !UnquantizableWeights.Contains(kernel.Format.Type, data)))
        {
            float[] weights = WeightData.Make(data, Rows * rowLength);
            if (kernel.Importance != ImatrixSupport.Required)
                Assert.Equal(kernel.Quantize(0, weights, rowLength, []), kernel.Quantize(bits, weights, rowLength, []));
            if (kernel.Importance != ImatrixSupport.Ignored)
            {
                float[] importance = WeightData.MakeImportance(rowLength);
                Assert.Equal(kernel.Quantize(0, weights, rowLength, importance), kernel.Quantize(bits, weights, rowLength, importance));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Dequantizers))]
    public void A_kernel_dequantizes_as_its_scalar_code(string name, int bits)
    {
        LaneKernel kernel = LaneKernel.Dequantizers.Single(kernel => kernel.Name == name);
        byte[] blocks = new byte[65 * kernel.Format.BlockBytes];
        new Random(17).NextBytes(blocks);

        Assert.Equal(BitsOf(kernel.Dequantize(0, blocks)), BitsOf(kernel.Dequantize(bits, blocks)));
    }

    [Theory]
    [InlineData("Quantize")]
    [InlineData("Dequantize")]
    public void Every_kernel_that_runs_on_lanes_is_tested(string method)
    {
        string source = Repository.PathOf("src", "GgufQuant");
        IEnumerable<string> used =
            from file in Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
            from Match call in KernelCall().Matches(File.ReadAllText(file))
            where call.Groups["method"].Value == method
            select call.Groups["kernel"].Value;

        Assert.Equal(
            used.Order(StringComparer.Ordinal),
            (method == "Quantize" ? LaneKernel.Quantizers : LaneKernel.Dequantizers).Select(kernel => kernel.Name).Order(StringComparer.Ordinal));
    }

    // Any NaN is as good as another.
    private static int[] BitsOf(float[] values) =>
        [.. MemoryMarshal.Cast<float, int>(values.AsSpan()).ToArray().Select((bits, i) => float.IsNaN(values[i]) ? int.MaxValue : bits)];

    [GeneratedRegex(@"WidestLanes\.(?<method>\w+)<(?<kernel>.+)>\(")]
    private static partial Regex KernelCall();
}
