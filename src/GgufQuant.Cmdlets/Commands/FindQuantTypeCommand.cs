using System.Globalization;
using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Finds the types in which a model fits into memory, and recommends one.</summary>
[Cmdlet(VerbsCommon.Find, "QuantType", DefaultParameterSetName = PathSet)]
[OutputType(typeof(QuantTypeFit))]
public sealed class FindQuantTypeCommand : ModelCommand
{
    private Dictionary<FileType, double> _measured = [];

    /// <summary>Bytes of memory there are.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "The memory there is: 8GB.")]
    [ValidateRange(1, long.MaxValue)]
    public long MemoryBudget { get; set; }

    /// <summary>Tokens of context.</summary>
    [Parameter(HelpMessage = "Tokens of context to have room for.")]
    [ValidateRange(1, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <summary>Rows of Compare-Quant with measured divergences.</summary>
    [Parameter(HelpMessage = "Rows of Compare-Quant -Corpus: what they measured takes the place of what is published.")]
    [ValidateNotNull]
    public QuantQuality[] Comparison { get; set; } = [];

    /// <summary>Counts on an importance matrix.</summary>
    [Parameter(HelpMessage = "Also consider types that need an importance matrix.")]
    public SwitchParameter WithImportanceMatrix { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => _measured = Comparison
        .Where(row => row is { IsReference: false, Type: not null })
        .GroupBy(row => row.Type!.Value)
        .ToDictionary(rows => rows.Key, rows => rows.First().KlDivergence);

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        QuantAdvice[] fits =
        [
            .. QuantAdvisor.Find(model, MemoryBudget, ContextLength, CacheType, WithImportanceMatrix, _measured)
                .Where(advice => advice.Fit != MemoryFit.TooLarge),
        ];
        foreach (QuantAdvice fit in fits)
            WriteObject(new QuantTypeFit(model.Path, fit));
        if (fits.Length == 0)
            WriteWarning(NothingFits(model));
    }

    private string NothingFits(GgufFile model)
    {
        MemoryEstimate memory = MemoryEstimate.Of(0, ModelShape.Read(model), ContextLength, CacheType);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"'{Formatting.FileName(model.Path)}' does not fit into {Formatting.Size(MemoryBudget)} in any type. Its cache for {memory.ContextLength:N0} tokens takes {Formatting.Size(memory.Cache)}: try a smaller -ContextLength, -CacheType Q8_0, or -WithImportanceMatrix.");
    }
}
