using System.Globalization;
using GgufQuant.HuggingFace.Safetensors;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace;

/// <summary>A tensor on its way from the folder to the GGUF file.</summary>
/// <param name="Name">Its name: Hugging Face's, later GGUF's.</param>
/// <param name="Values">Its values.</param>
internal sealed record SourceTensor(string Name, TensorValues Values)
{
    /// <summary>The tensor in its file, if it is stored unchanged.</summary>
    public SafetensorsTensor? Stored { get; init; }

    /// <summary>Whether the name is GGUF's already, so that it is not looked up.</summary>
    public bool HasGgufName { get; init; }

    /// <summary>Whether the values were FP8 in the folder.</summary>
    public bool IsFromFloat8 { get; init; }

    /// <summary>The block the tensor belongs to: the first part of its name that is a number; null for none.</summary>
    public int? Block
    {
        get
        {
            foreach (Range part in Name.AsSpan().Split('.'))
            {
                if (int.TryParse(Name.AsSpan()[part], NumberStyles.None, CultureInfo.InvariantCulture, out int block))
                    return block;
            }
            return null;
        }
    }
}
