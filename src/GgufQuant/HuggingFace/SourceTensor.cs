using System.Globalization;
using GgufQuant.HuggingFace.Safetensors;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace;

/// <summary>A tensor during conversion.</summary>
/// <param name="Name">Its Hugging Face name, later its GGUF name.</param>
/// <param name="Values">Its values.</param>
internal sealed record SourceTensor(string Name, TensorValues Values)
{
    /// <summary>The tensor in its file, if it is stored unchanged.</summary>
    public SafetensorsTensor? Stored { get; init; }

    /// <summary>Whether the name is already GGUF's and need not be looked up.</summary>
    public bool HasGgufName { get; init; }

    /// <summary>Whether the values were FP8 in the folder.</summary>
    public bool IsFromFloat8 { get; init; }

    /// <summary>The number of the tensor's block: the first number among the parts of its name; null if there is none.</summary>
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
