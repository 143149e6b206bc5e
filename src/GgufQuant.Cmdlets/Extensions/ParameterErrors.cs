using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Errors about incompatible parameters.</summary>
internal static class ParameterErrors
{
    /// <summary>Ends the cmdlet if a parameter was given together with one that contradicts it.</summary>
    internal static void ThrowIfBothBound(this PSCmdlet cmdlet, string parameter, params string[] others)
    {
        if (!cmdlet.IsGiven(parameter) || others.FirstOrDefault(cmdlet.IsGiven) is not { } other)
            return;
        cmdlet.ThrowTerminatingError(new(
            new ArgumentException($"-{parameter} and -{other} cannot be used together. Leave one of them out."),
            "ParametersExclusive", ErrorCategory.InvalidArgument, null));
    }

    /// <summary>Ends the cmdlet if a parameter was given without the one it applies to.</summary>
    internal static void ThrowIfMissing(this PSCmdlet cmdlet, string needed, params string[] parameters)
    {
        if (cmdlet.IsGiven(needed) || parameters.FirstOrDefault(cmdlet.IsGiven) is not { } parameter)
            return;
        cmdlet.ThrowTerminatingError(new(
            new ArgumentException($"-{parameter} only applies with -{needed}. Give -{needed} too."),
            "ParameterMissing", ErrorCategory.InvalidArgument, null));
    }

    /// <summary>Ends the cmdlet if a parameter was given without any of those it applies to.</summary>
    internal static void ThrowIfMissingAll(this PSCmdlet cmdlet, string parameter, params string[] needed)
    {
        if (!cmdlet.IsGiven(parameter) || needed.Any(cmdlet.IsGiven))
            return;
        string names = $"{string.Join(", ", needed[..^1].Select(name => $"-{name}"))} or -{needed[^1]}";
        cmdlet.ThrowTerminatingError(new(
            new ArgumentException($"-{parameter} only applies with {names}. Give one of them too."),
            "ParameterMissing", ErrorCategory.InvalidArgument, null));
    }

    private static bool IsGiven(this PSCmdlet cmdlet, string parameter) =>
        cmdlet.MyInvocation.BoundParameters.TryGetValue(parameter, out object? value) && value is not SwitchParameter { IsPresent: false };
}
