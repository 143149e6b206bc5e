using System.Globalization;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>Checks a control vector.</summary>
/// <remarks>llama.cpp's <c>common_control_vector_load_one</c>.</remarks>
internal static class ControlVectorCheck
{
    private const string Prefix = "direction.";

    public static IEnumerable<GgufFinding> Run(GgufFile file)
    {
        if (file.Tensors.Count == 0)
            yield return Error(GgufKeys.Architecture, "It has no tensors 'direction.1' and so on.");
        foreach (GgufTensor tensor in file.Tensors)
        {
            if (!tensor.Name.StartsWith(Prefix, StringComparison.Ordinal)
                || !int.TryParse(tensor.Name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int layer) || layer < 1)
            {
                yield return Error(tensor.Name, "A control vector's tensors are called 'direction.1' and so on.");
            }
            else if (tensor.Type != GgmlType.F32 || tensor.RowCount != 1)
                yield return Error(tensor.Name, $"It is {tensor}, but a direction is one row of f32.");
            else if (tensor.RowLength != file.Tensors[0].RowLength)
                yield return Error(tensor.Name, $"It has {tensor.RowLength} weights, but '{file.Tensors[0].Name}' has {file.Tensors[0].RowLength}.");
        }
    }

    private static GgufFinding Error(string subject, string message) => new(FindingSeverity.Error, subject, message);
}
