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
            return $"'{name}' names no quantization; Get-QuantType lists them all.";
        string pieces = string.Join("; ", QuantName.Explain(found));
        string family = found.Split('_')[0];
        return $"'{found}' is not one of llama.cpp's types ({pieces}). Get-QuantType '{family}*' lists those closest to it.";
    }
}
