using System.Text.RegularExpressions;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Models;

/// <summary>A model of a few small layers that the library loads: its tensors are those that the library asks for, without data.</summary>
/// <remarks>
/// The library's errors say which tensor is missing, and then which shape it must have. What an architecture loads but may lack
/// although it then crashes has to be named beforehand.
/// </remarks>
internal sealed partial class TinyModel : IDisposable
{
    private const int MostTensors = 4096;
    private static readonly long[] s_guess = [32];

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"GgufQuant.TinyModel.{Guid.NewGuid():N}.gguf");

    /// <summary>Makes the model.</summary>
    /// <param name="architecture">Its architecture.</param>
    /// <param name="extended">A model all of whose tensors it has too; null for none.</param>
    /// <param name="loadsDraft">Whether the library loads the layers that draft tokens. For v0.5.0 alone.</param>
    internal TinyModel(TinyArchitecture architecture, TinyModel? extended = null, bool loadsDraft = false)
    {
        GgufEntry[] metadata = [.. architecture.Metadata];
        OrderedDictionary<string, long[]> tensors = [];
        foreach (string name in architecture.OptionalTensors)
            tensors.Add(name, s_guess);
        foreach ((string name, long[] shape) in architecture.GivenTensors)
            tensors[name] = shape;
        foreach (GgufTensor tensor in extended?.File.Tensors ?? [])
            tensors[tensor.Name] = [.. tensor.Shape];
        string? error = null;
        while (tensors.Count < MostTensors)
        {
            Write(metadata, tensors);
            ReferenceMemory? loaded = ReferenceMemory.TryLoad(_path, out error, loadsDraft);
            if (loaded is not null)
            {
                Reference = loaded;
                File = GgufFile.Open(_path);
                return;
            }
            if (Missing().Match(error!) is { Success: true } missing)
                tensors.Add(missing.Groups["name"].Value, s_guess);
            else if (WrongShape().Match(error!) is { Success: true } wrong)
                tensors[wrong.Groups["name"].Value] = [.. Numbers().Matches(wrong.Groups["shape"].Value).Select(number => long.Parse(number.ValueSpan))];
            else
                break;
        }
        System.IO.File.Delete(_path);
        Assert.SkipWhen(error!.Contains("unknown model architecture") && ReferenceLibrary.Build != ReferenceBuild.Npm, $"{ReferenceLibrary.Build.Name} is too old for '{architecture.Name}'.");
        throw new InvalidOperationException(error);
    }

    internal GgufFile File { get; }

    internal ReferenceMemory Reference { get; }

    public void Dispose()
    {
        Reference.Dispose();
        File.Dispose();
        System.IO.File.Delete(_path);
    }

    private void Write(GgufEntry[] metadata, OrderedDictionary<string, long[]> tensors)
    {
        GgufWriter writer = new(metadata, tensors.Select(tensor => new GgufTensorInfo(tensor.Key, tensor.Value.Length > 1 ? GgmlType.F16 : GgmlType.F32, [.. tensor.Value])));
        using FileStream file = System.IO.File.Create(_path);
        writer.WriteHeader(file);
        file.SetLength(writer.Length);
    }

    [GeneratedRegex("(?:missing tensor|check_tensor_dims: tensor) '(?<name>[^']+)'(?: not found|$)", RegexOptions.Multiline)]
    private static partial Regex Missing();

    [GeneratedRegex(@"tensor '(?<name>[^']+)' has wrong shape; expected +(?<shape>[\d, ]+), got")]
    private static partial Regex WrongShape();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Numbers();
}
