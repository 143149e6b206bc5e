using System.Management.Automation;
using GgufQuant.Catalog;

namespace GgufQuant.Commands;

/// <summary>Errors about the names of quantizations.</summary>
internal static class QuantNameErrors
{
    internal static ErrorRecord UnknownName(string name) =>
        new(new ArgumentException(Explain(name)), "UnknownQuantType", ErrorCategory.ObjectNotFound, name);

    private static string Explain(string name)
    {
        if (!QuantName.TryFindInFileName(name, out string? found))
            return Unknown(name);
        // For a misspelt name, the part that reads as a name is of no help.
        if (found.Length < name.Length && Suggestion.For(name, Names).Length > 0)
            return Unknown(name);
        string pieces = string.Join("; ", QuantName.Explain(found));
        string family = found[(found.IndexOf('-') + 1)..].Split('_')[0];
        return $"'{found}' is not one of llama.cpp's types ({pieces}).{Suggestion.For(found, Names)} Get-QuantType '{family}*' lists the closest ones.";
    }

    private static IEnumerable<string> Names => QuantCatalog.All.Select(type => type.Name);

    private static string Unknown(string name) => $"'{name}' is not a quantization.{Suggestion.For(name, Names)} Get-QuantType lists them all.";
}
