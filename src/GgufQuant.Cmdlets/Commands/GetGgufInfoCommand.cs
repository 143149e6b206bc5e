using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Describes a model file, from its header alone.</summary>
[Cmdlet(VerbsCommon.Get, "GgufInfo", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GgufInfo))]
public sealed class GetGgufInfoCommand : PathCommand
{
    /// <summary>Tokens of context to estimate memory for.</summary>
    [Parameter(HelpMessage = "Tokens of context to estimate memory for.")]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    [ValidateRange(1, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache to estimate memory for.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache to estimate memory for.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <summary>Also reads all metadata.</summary>
    [Parameter(HelpMessage = "Also read all metadata, including the vocabulary.")]
    public SwitchParameter Metadata { get; set; }

    /// <summary>Describes any file that is named, but only models if a wildcard finds other files too.</summary>
    private protected override bool Takes(ModelKind kind) => kind == ModelKind.Model || !IsMatch;

    /// <inheritdoc/>
    private protected override bool TakesFolders => true;

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        ModelInfo info = ModelInfo.Read(model, ContextLength, CacheType);
        WriteObject(new GgufInfo(Metadata ? info with { Metadata = Read(model.Metadata) } : info));
    }

    private static OrderedDictionary<string, object> Read(GgufMetadata metadata)
    {
        OrderedDictionary<string, object> values = [];
        foreach (GgufEntry entry in metadata)
            values.Add(entry.Key, entry.Value);
        return values;
    }
}
