using System.Collections.Immutable;
using System.Globalization;

namespace GgufQuant.HuggingFace.Metadata;

/// <summary>A model's size as a label: <c>8.0B</c>, <c>8x7B</c>.</summary>
/// <remarks>gguf-py's <c>size_label</c> and <c>GGUFWriter.get_total_parameter_count</c>.</remarks>
internal readonly record struct SizeLabel(long Total, long Shared, long PerExpert, int Experts)
{
    /// <summary>Counts the parameters of tensors.</summary>
    /// <param name="tensors">GGUF names and shapes, outermost dimension first.</param>
    public static SizeLabel Of(IEnumerable<(string Name, ImmutableArray<long> Shape)> tensors)
    {
        (long total, long shared, long perExpert, long experts, int expertTensors) = (0, 0, 0, 0, 0);
        foreach ((string name, ImmutableArray<long> shape) in tensors)
        {
            long size = 1;
            foreach (long dimension in shape)
                size *= dimension;
            total += size;
            int axis = name.Contains(".bias", StringComparison.Ordinal) ? 2 : 3;
            if (name.Contains("_exps.", StringComparison.Ordinal) && shape.Length >= 3 && shape[^axis] > 0)
            {
                perExpert += size / shape[^axis];
                experts += shape[^axis];
                expertTensors++;
            }
            else
            {
                shared += size;
            }
        }
        return new SizeLabel(total, shared, perExpert, expertTensors == 0 ? 0 : (int)(experts / expertTensors));
    }

    /// <summary>The label.</summary>
    public override string ToString() =>
        Experts > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Experts}x{Rounded(Shared + PerExpert)}") : Rounded(Total);

    private static string Rounded(long parameters)
    {
        (double scaled, char suffix) = parameters switch
        {
            >= 1_000_000_000_000 => (parameters * 1e-12, 'T'),
            >= 1_000_000_000 => (parameters * 1e-9, 'B'),
            >= 1_000_000 => (parameters * 1e-6, 'M'),
            _ => (parameters * 1e-3, 'K'),
        };
        int digits = Math.Round(scaled, MidpointRounding.ToEven).ToString("F0", CultureInfo.InvariantCulture).TrimStart('0').Length;
        return scaled.ToString($"F{Math.Max(2 - digits, 0)}", CultureInfo.InvariantCulture) + suffix;
    }
}
