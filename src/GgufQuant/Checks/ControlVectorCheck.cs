using System.Globalization;
using System.Text.RegularExpressions;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>Checks a control vector.</summary>
/// <remarks>llama.cpp's <c>common_control_vector_load_one</c>.</remarks>
internal static partial class ControlVectorCheck
{
    public static IEnumerable<GgufFinding> Run(GgufFile file)
    {
        if (file.Tensors.Count == 0)
            yield return Error(GgufKeys.Architecture, "It has no tensors 'direction.1' and so on.");
        foreach (GgufTensor tensor in file.Tensors)
        {
            if (!DirectionName().IsMatch(tensor.Name) || !int.TryParse(DirectionName().Match(tensor.Name).Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int layer) || layer < 1)
                yield return Error(tensor.Name, "A control vector's tensors are called 'direction.1' and so on.");
            else if ((long)layer * tensor.RowLength > int.MaxValue)
                yield return Error(tensor.Name, $"A direction for layer {layer} takes more memory than llama.cpp can count.");
            else if (tensor.Type != GgmlType.F32 || tensor.RowCount != 1)
                yield return Error(tensor.Name, $"It is {tensor}, but a direction is one row of f32.");
            else if (tensor.RowLength != file.Tensors[0].RowLength)
                yield return Error(tensor.Name, $"It has {tensor.RowLength} weights, but '{file.Tensors[0].Name}' has {file.Tensors[0].RowLength}.");
        }
    }

    // The characters from which C++'s stoi reads a number.
    [GeneratedRegex(@"^direction\.\s*\+?(\d+)")]
    private static partial Regex DirectionName();

    private static GgufFinding Error(string subject, string message) => new(FindingSeverity.Error, subject, message);
}
