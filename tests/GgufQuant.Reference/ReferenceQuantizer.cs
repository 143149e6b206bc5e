using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using GgufQuant.Formats;

namespace GgufQuant.Reference;

/// <summary>The request to <c>llama_model_quantize</c>.</summary>
public sealed record ReferenceQuantizerOptions
{
    public int Threads { get; init; } = 1;

    public GgmlType? OutputTensorType { get; init; }

    public GgmlType? TokenEmbeddingType { get; init; }

    public bool AllowRequantize { get; init; }

    public bool LeaveOutputTensor { get; init; }

    public bool Copy { get; init; }

    public bool Pure { get; init; }

    public bool KeepSplit { get; init; }

    public IReadOnlyList<(string Pattern, GgmlType Type)> TensorTypes { get; init; } = [];

    public IReadOnlyList<(string Name, float[] Importance)>? ImportanceMatrix { get; init; }

    /// <summary>Values are <see cref="long"/>, <see cref="double"/>, <see cref="bool"/> or <see cref="string"/>.</summary>
    public IReadOnlyList<(string Key, object Value)> Overrides { get; init; } = [];

    public IReadOnlyList<int> PruneLayers { get; init; } = [];
}

/// <summary>libllama's own quantizer: what whole files must be.</summary>
public static unsafe partial class ReferenceQuantizer
{
    private const int TypeCount = 43;
    private const ulong DefaultBufferSize = 8UL << 30;

    private static readonly delegate* unmanaged<byte*, byte*, Parameters*, uint> s_quantize =
        (delegate* unmanaged<byte*, byte*, Parameters*, uint>)ReferenceLibrary.Llama("llama_model_quantize");

    /// <summary>Writes a quantized file.</summary>
    /// <exception cref="InvalidOperationException">The library reported an error; the message is its own.</exception>
    public static void Quantize(string source, string destination, FileType type, ReferenceQuantizerOptions options) =>
        Run(source, destination, type, options, dryRun: false);

    /// <summary>The type each tensor would get, by name in the order of writing.</summary>
    /// <exception cref="InvalidOperationException">The library reported an error; the message is its own.</exception>
    public static IReadOnlyList<(string Name, string Type)> ChooseTypes(string source, FileType type, ReferenceQuantizerOptions options)
    {
        string log = Run(source, source + ".none", type, options, dryRun: true);
        return [.. TensorLine().Matches(log).Select(match => (
            match.Groups["name"].Value,
            match.Groups["target"].Success ? match.Groups["target"].Value : match.Groups["source"].Value))];
    }

    [GeneratedRegex(@"^\[ *\d+/ *\d+\] (?<name>\S+) +- \[[^]]*\], type = +(?<source>\S+), size = +[\d.]+ MiB(?: -> +[\d.]+ MiB \((?<target>\S+)\))?", RegexOptions.Multiline)]
    private static partial Regex TensorLine();

    private static string Run(string source, string destination, FileType type, ReferenceQuantizerOptions options, bool dryRun)
    {
        using Memory memory = new();
        Parameters parameters = Defaults();
        parameters.Threads = options.Threads;
        parameters.FileType = (int)type;
        parameters.OutputTensorType = (int?)options.OutputTensorType ?? TypeCount;
        parameters.TokenEmbeddingType = (int?)options.TokenEmbeddingType ?? TypeCount;
        parameters.AllowRequantize = Flag(options.AllowRequantize);
        parameters.QuantizeOutputTensor = Flag(!options.LeaveOutputTensor);
        parameters.OnlyCopy = Flag(options.Copy);
        parameters.Pure = Flag(options.Pure);
        parameters.KeepSplit = Flag(options.KeepSplit);
        parameters.DryRun = Flag(dryRun);
        parameters.ImportanceMatrix = options.ImportanceMatrix is { } matrix
            ? memory.Array([.. matrix.Select(entry => new NamedData(memory.Text(entry.Name), memory.Array(entry.Importance), (nuint)entry.Importance.Length)), default])
            : null;
        parameters.TensorTypes = options.TensorTypes.Count > 0
            ? memory.Array([.. options.TensorTypes.Select(rule => new TensorTypeOverride(memory.Text(rule.Pattern), (int)rule.Type)), default])
            : null;
        parameters.PruneLayers = options.PruneLayers.Count > 0 ? memory.Array([.. options.PruneLayers, -1]) : null;
        parameters.Overrides = options.Overrides.Count > 0
            ? memory.Array([.. options.Overrides.Select(entry => new MetadataOverride(entry.Key, entry.Value)), default])
            : null;

        byte* from = memory.Text(source);
        byte* to = memory.Text(destination);
        Parameters* request = &parameters;
        (uint failed, string log, string errors) = ReferenceLog.Capture(() => s_quantize(from, to, request));
        return failed == 0 ? log : throw new InvalidOperationException(errors);
    }

    private static byte Flag(bool value) => value ? (byte)1 : (byte)0;

    private static Parameters Defaults()
    {
        var getDefaults = (delegate* unmanaged<Parameters>)ReferenceLibrary.Llama("llama_model_quantize_default_params");
        Parameters defaults = getDefaults();
        if (ReferenceLibrary.Build != ReferenceBuild.Npm)
            defaults.MaxBufferSize = DefaultBufferSize;
        bool isKnown = defaults is
        {
            Threads: 0, FileType: (int)Formats.FileType.Q8_0, OutputTensorType: TypeCount, TokenEmbeddingType: TypeCount,
            AllowRequantize: 0, QuantizeOutputTensor: 1, OnlyCopy: 0, Pure: 0, KeepSplit: 0, DryRun: 0,
            ImportanceMatrix: null, Overrides: null, TensorTypes: null, PruneLayers: null, MaxBufferSize: DefaultBufferSize,
        };
        return isKnown ? defaults : throw new InvalidOperationException($"llama_model_quantize_default_params is not that of {ReferenceLibrary.Build.Name}.");
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        public int Threads;
        public int FileType;
        public int OutputTensorType;
        public int TokenEmbeddingType;
        public byte AllowRequantize;
        public byte QuantizeOutputTensor;
        public byte OnlyCopy;
        public byte Pure;
        public byte KeepSplit;
        public byte DryRun;
        public NamedData* ImportanceMatrix;
        public MetadataOverride* Overrides;
        public TensorTypeOverride* TensorTypes;
        public int* PruneLayers;

        // Added by v0.5.0: the build from NuGet neither sets nor reads it.
        public ulong MaxBufferSize;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct NamedData(byte* name, float* data, nuint size)
    {
        public readonly byte* Name = name;
        public readonly float* Data = data;
        public readonly nuint Size = size;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TensorTypeOverride(byte* pattern, int type)
    {
        public readonly byte* Pattern = pattern;
        public readonly int Type = type;
    }

    [StructLayout(LayoutKind.Explicit, Size = 264)]
    private struct MetadataOverride
    {
        private const int TextBytes = 128;

        [FieldOffset(0)]
        public int Tag;

        [FieldOffset(4)]
        public fixed byte Key[TextBytes];

        [FieldOffset(136)]
        public long Integer;

        [FieldOffset(136)]
        public double Float;

        [FieldOffset(136)]
        public byte Boolean;

        [FieldOffset(136)]
        public fixed byte Text[TextBytes];

        public MetadataOverride(string key, object value)
        {
            Tag = value switch { long => 0, double => 1, bool => 2, string => 3, _ => throw new ArgumentException($"{value.GetType()} has no override.", nameof(value)) };
            fixed (byte* destination = Key)
                Encoding.UTF8.GetBytes(key, new Span<byte>(destination, TextBytes - 1));
            switch (value)
            {
                case long integer:
                    Integer = integer;
                    break;
                case double number:
                    Float = number;
                    break;
                case bool boolean:
                    Boolean = Flag(boolean);
                    break;
                case string text:
                    fixed (byte* destination = Text)
                        Encoding.UTF8.GetBytes(text, new Span<byte>(destination, TextBytes - 1));
                    break;
            }
        }
    }

    /// <summary>Unmanaged copies that live as long as a call.</summary>
    private sealed class Memory : IDisposable
    {
        private readonly List<nint> _blocks = [];

        public byte* Text(string text) => Array([.. Encoding.UTF8.GetBytes(text), (byte)0]);

        public T* Array<T>(T[] items)
            where T : unmanaged
        {
            T* block = (T*)NativeMemory.Alloc((nuint)items.Length, (nuint)sizeof(T));
            _blocks.Add((nint)block);
            items.CopyTo(new Span<T>(block, items.Length));
            return block;
        }

        public void Dispose()
        {
            foreach (nint block in _blocks)
                NativeMemory.Free((void*)block);
        }
    }
}
