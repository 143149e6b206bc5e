using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Quantized;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.Tests.HuggingFace;

public sealed class ScaledValuesTests
{
    [Fact]
    public void The_last_block_may_be_short_but_needs_a_scale_too()
    {
        GivenValues weights = new([1, 2, 3, 4, 5]);
        ScaledValues scaled = ScaledValues.Of("folder", "w", weights, new GivenValues([1, 10, 100]), [2]);
        float[] values = new float[5];
        scaled.ReadFloats(0, values);
        Assert.Equal([1, 2, 30, 40, 500], values);
        ModelFolderException exception = Assert.Throws<ModelFolderException>(() => ScaledValues.Of("folder", "w", weights, new GivenValues([1, 10]), [2]));
        Assert.Contains("the scales of 'w' have the shape [2], which does not match [5]", exception.Message, StringComparison.Ordinal);
    }
}
