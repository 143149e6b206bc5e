using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Errors about parameters that do not go together.</summary>
internal static class ParameterErrors
{
    /// <summary>Ends the cmdlet where a parameter was given and another beside which it means nothing.</summary>
    internal static void RefuseTogether(this PSCmdlet cmdlet, string parameter, params string[] others)
    {
        if (!cmdlet.IsGiven(parameter) || others.FirstOrDefault(cmdlet.IsGiven) is not { } other)
            return;
        cmdlet.ThrowTerminatingError(new(
            new ArgumentException($"-{parameter} and -{other} cannot both be followed. Leave one of them out."),
            "ParametersExclusive", ErrorCategory.InvalidArgument, null));
    }

    /// <summary>Ends the cmdlet where a parameter was given without the one it is about.</summary>
    internal static void RefuseWithout(this PSCmdlet cmdlet, string needed, params string[] parameters)
    {
        if (cmdlet.IsGiven(needed) || parameters.FirstOrDefault(cmdlet.IsGiven) is not { } parameter)
            return;
        cmdlet.ThrowTerminatingError(new(
            new ArgumentException($"-{parameter} says how to use what -{needed} names. Give -{needed} too."),
            "ParameterMissing", ErrorCategory.InvalidArgument, null));
    }

    private static bool IsGiven(this PSCmdlet cmdlet, string parameter) =>
        cmdlet.MyInvocation.BoundParameters.TryGetValue(parameter, out object? value) && value is not SwitchParameter { IsPresent: false };
}
