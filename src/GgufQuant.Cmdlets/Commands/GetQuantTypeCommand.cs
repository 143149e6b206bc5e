using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>Lists the types a model can be quantized to, or explains one of them.</summary>
[Cmdlet(VerbsCommon.Get, "QuantType", DefaultParameterSetName = NameSet)]
[OutputType(typeof(QuantTypeInfo))]
public sealed class GetQuantTypeCommand : PSCmdlet
{
    private const string NameSet = "Name";
    private const string TypeSet = "Type";

    // The suffix of an object's type name for which the format file shows all details.
    private const string ExplainedSuffix = "#Explained";

    /// <summary>A type's name, wildcards allowed, or the name of a GGUF file that contains one.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ParameterSetName = NameSet,
        HelpMessage = "A type's name (Q4_K_M, Q4*), or a file name that contains one.")]
    [SupportsWildcards]
    [QuantNameTransformation]
    [ArgumentCompleter(typeof(QuantNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    /// <summary>A file type, from the objects of other cmdlets.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = TypeSet,
        HelpMessage = "A file type, from the objects of Get-GgufInfo and ConvertTo-Quantized.")]
    public FileType[]? Type { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == TypeSet)
            Write(Type!.Select(QuantCatalog.Of), inFull: Type!.Length == 1);
        else if (Name is null)
            Write(QuantCatalog.All);
        else
            WriteNamed(Name);
    }

    private void WriteNamed(string[] names)
    {
        foreach (string name in names)
        {
            bool isPattern = TryMatch(name, out List<QuantType> matches);
            if (QuantCatalog.TryFind(name, out QuantType? type))
                Write([type], inFull: names.Length == 1);
            else if (matches.Count > 0)
                Write(matches);
            else if (QuantName.TryFindInFileName(name, out string? inFile) && QuantCatalog.TryFind(inFile, out type))
                Write([type], inFull: names.Length == 1);
            else if (!isPattern)
                WriteError(QuantNameErrors.UnknownName(name));
        }
    }

    private static bool TryMatch(string name, out List<QuantType> matches)
    {
        matches = [];
        if (!WildcardPattern.ContainsWildcardCharacters(name))
            return false;
        try
        {
            WildcardPattern pattern = new(name, WildcardOptions.IgnoreCase);
            matches.AddRange(QuantCatalog.All.Where(type => pattern.IsMatch(type.Name)));
            return true;
        }
        catch (WildcardPatternException)
        {
            return false;
        }
    }

    // A single type is shown in full rather than as a row of a table.
    private void Write(IEnumerable<QuantType> types, bool inFull = false)
    {
        foreach (QuantType type in types)
        {
            PSObject written = new(new QuantTypeInfo(type));
            if (inFull)
                written.TypeNames.Insert(0, typeof(QuantTypeInfo).FullName + ExplainedSuffix);
            WriteObject(written);
        }
    }
}
