using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.Calibration;

public sealed class ModelFingerprintTests
{
    private const int Bytes = 100_000;

    [Theory]
    [InlineData(0)]
    [InlineData(Bytes / 2)]
    [InlineData(Bytes - 1)]
    public void A_byte_at_the_start_in_the_middle_or_at_the_end_makes_another_model(int position)
    {
        string before = FingerprintOf([]);
        Assert.Equal(before, FingerprintOf([]));
        Assert.NotEqual(before, FingerprintOf([position]));
    }

    [Fact]
    public void A_name_a_type_and_a_shape_make_another_model()
    {
        string[] all =
        [
            FingerprintOf([]), FingerprintOf([], name: "b"), FingerprintOf([], type: GgmlType.I32), FingerprintOf([], shape: [Bytes / 8, 2]),
        ];
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    private static string FingerprintOf(int[] changed, string name = "a", GgmlType type = GgmlType.F32, long[]? shape = null)
    {
        byte[] data = new byte[Bytes];
        foreach (int position in changed)
            data[position] = 1;
        using GgufFile file = GgufFile.Open("model.gguf", GgufBytes.Write([("general.architecture", "llama")], [(new(name, type, [.. shape ?? [Bytes / 4]]), data)]));
        return ModelFingerprint.Of(file);
    }
}
