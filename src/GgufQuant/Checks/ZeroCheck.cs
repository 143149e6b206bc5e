using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Checks;

/// <summary>Distinguishes zeros left behind by a download or a disk from weights that are zero.</summary>
internal static class ZeroCheck
{
    private const int BufferBytes = 1 << 16;

    // A model computes nothing with these at zero, so zeros are a mistake. In matrices that add to a block's input, such as
    // attn_output and ffn_down, they may be intended: blocks inserted for further training start like that.
    private static readonly string[] s_needed =
    [
        "attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_qkv.weight", "ffn_up.weight", "ffn_gate.weight", "ffn_up_exps.weight", "ffn_gate_exps.weight", "ffn_gate_up_exps.weight",
    ];

    /// <summary>The finding for a tensor of zeros; null if there is none.</summary>
    /// <param name="file">Its file.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="isLast">Whether it is the last one in its file.</param>
    public static GgufFinding? OfWhole(GgufFile file, GgufTensor tensor, bool isLast)
    {
        if (tensor.ByteCount == 0)
            return null;
        bool isMatrix = tensor.RowCount > 1;
        bool isNeeded = ModelKinds.Of(file.Metadata) == ModelKind.Model
            && (tensor.Name is TensorNames.TokenEmbedding or TensorNames.Output || tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal)
                || (TensorNames.SplitLayer(tensor.Name) is { Part: var part } && s_needed.Contains(part)) || (isMatrix && isLast));
        return isMatrix || isNeeded
            ? new GgufFinding(isNeeded ? FindingSeverity.Error : FindingSeverity.Warning, tensor.Name, $"All {tensor.ByteCount} bytes are zero, as after an interrupted download.")
            : null;
    }

    /// <summary>The finding for a file whose last tensor ends in zeros; null if there is none.</summary>
    public static GgufFinding? OfTail(GgufFile file, GgufTensor tensor)
    {
        if (tensor.RowCount < 2 || ModelKinds.Of(file.Metadata) != ModelKind.Model)
            return null;
        // Vocabularies are padded to round numbers, and to a lesser extent feed-forward layers.
        bool isVocabulary = tensor.Name is TensorNames.TokenEmbedding or TensorNames.Output or TensorNames.PerLayerTokenEmbedding;
        long tolerated = tensor.ByteCount / (isVocabulary ? 2 : 8);
        long zeros = CountTail(file, tensor, tolerated + 1);
        return zeros > tolerated
            ? new GgufFinding(FindingSeverity.Error, tensor.Name, $"More than {tolerated} of its {tensor.ByteCount} bytes at the end of the file are zero, as after an interrupted download.")
            : null;
    }

    private static long CountTail(GgufFile file, GgufTensor tensor, long most)
    {
        byte[] buffer = new byte[BufferBytes];
        long zeros = 0;
        while (zeros < most)
        {
            int length = (int)Math.Min(BufferBytes, tensor.ByteCount - zeros);
            file.Read(tensor, tensor.ByteCount - zeros - length, buffer.AsSpan(0, length));
            int last = buffer.AsSpan(0, length).LastIndexOfAnyExcept((byte)0);
            zeros += length - 1 - last;
            if (last >= 0)
                break;
        }
        return zeros;
    }
}
