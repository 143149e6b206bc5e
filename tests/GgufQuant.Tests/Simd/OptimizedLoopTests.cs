using System.Reflection;
using System.Reflection.Emit;
using GgufQuant.Formats;

namespace GgufQuant.Tests.Simd;

/// <summary>Kernels are optimized from their first call.</summary>
/// <remarks>
/// The runtime first compiles a method without optimizing it, or takes code that was compiled ahead of time for any processor, and
/// compiles it once more when it has run for a while. In a new session a kernel would spend its first conversions in slow code, and
/// no other test would notice. What the test finds needs AggressiveOptimization or AggressiveInlining, or a reason among the exceptions.
/// </remarks>
public class OptimizedLoopTests
{
    private const MethodImplAttributes Optimized = MethodImplAttributes.AggressiveOptimization | MethodImplAttributes.AggressiveInlining;

    private static readonly string[] s_exceptions =
    [
        // Optimized at once, code that reads static arrays checks at each access whether they are there, and stays so.
        "CodebookDequantizer`1.Dequantize", "IQ1_M.Unpack", "IQ1_S.Unpack", "IQ2_S.Unpack", "IQ2_XS.Unpack", "IQ2_XXS.Unpack", "IQ3_S.Unpack",
        "IQ3_XXS.Unpack", "IQ4_XS.Unpack", "NVFP4.DequantizeBlock", "NVFP4.QuantizeBlock",

        // They make tables, once.
        "BlockFormat.ByNumber", "Grid.Decode", "Grid.Encode", "Grid.Expand", "GridQuantizer`1.MakeNumerators", "IQ1Order`3.Comparators", "NonlinearLevels.MakeMidpoints",
        "SignBits.SpreadBits",

        // For rare blocks, types that no file is quantized to, and processors without an instruction.
        "BlockFormat.Prepare", "BlockLanes`2.FirstZero", "BlockValidation.FindInvalid", "CompressStore`2.StoreEach", "F64.Dequantize", "I16.Dequantize",
        "I32.Dequantize", "I64.Dequantize", "I8.Dequantize", "Q8_1.Dequantize", "Q8_K.Dequantize", "VectorSum.Of",
    ];

    private static readonly Dictionary<short, OpCode> s_codes = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    [Fact]
    public void Every_loop_of_the_formats_and_their_vectors_is_optimized_or_inlined()
    {
        IEnumerable<string> found =
            from type in typeof(BlockFormat).Assembly.GetTypes()
            where type.Namespace is "GgufQuant.Formats" or "GgufQuant.Simd"
            from method in type.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static)
            where (method.GetMethodImplementationFlags() & Optimized) == 0 && HasLoop(method)
            select $"{type.Name}.{method.Name[(method.Name.LastIndexOf('.') + 1)..]}";

        Assert.Equal(string.Join(", ", s_exceptions.Order()), string.Join(", ", found.Distinct().Order()));
    }

    [Fact]
    public void A_loop_is_found()
    {
        Assert.True(HasLoop(((Func<int, int>)Loop).Method));
        Assert.False(HasLoop(((Func<int, int>)Straight).Method));

        static int Loop(int count)
        {
            int sum = 0;
            for (int i = 0; i < count; i++)
                sum += i;
            return sum;
        }

        static int Straight(int count) => count > 0 ? count : -count;
    }

    // A branch back to where the method has been before.
    private static bool HasLoop(MethodInfo method)
    {
        byte[] code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        for (int at = 0; at < code.Length;)
        {
            // The first byte of those that have two.
            short value = code[at] == 0xFE ? (short)(0xFE00 | code[at + 1]) : code[at];
            OpCode instruction = s_codes[value];
            at += instruction.Size;
            switch (instruction.OperandType)
            {
                case OperandType.ShortInlineBrTarget when (sbyte)code[at] < 0:
                case OperandType.InlineBrTarget when BitConverter.ToInt32(code, at) < 0:
                    return true;
                case OperandType.InlineSwitch:
                    at += sizeof(int) * (1 + BitConverter.ToInt32(code, at));
                    break;
                default:
                    at += SizeOf(instruction.OperandType);
                    break;
            }
        }
        return false;
    }

    private static int SizeOf(OperandType operand) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => sizeof(byte),
        OperandType.InlineVar => sizeof(short),
        OperandType.InlineI8 or OperandType.InlineR => sizeof(long),
        _ => sizeof(int),
    };
}
