using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Full paths of files that need not exist. A URL ends the cmdlet with an error.</summary>
internal static class PathResolution
{
    /// <summary>The full path of a file to read.</summary>
    internal static string ResolveUnexpanded(this PSCmdlet cmdlet, string path)
    {
        if (PathErrors.Address(path) is ErrorRecord error)
            cmdlet.ThrowTerminatingError(error);
        return cmdlet.GetUnresolvedProviderPathFromPSPath(path);
    }

    /// <summary>The full path of a file or a folder to write.</summary>
    internal static string ResolveDestination(this PSCmdlet cmdlet, string path)
    {
        if (PathErrors.Address(path) is not null)
            cmdlet.ThrowTerminatingError(PathErrors.IsRemoteDestination(path));
        return cmdlet.GetUnresolvedProviderPathFromPSPath(path);
    }
}
