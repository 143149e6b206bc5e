using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Files as the output of a cmdlet.</summary>
internal static class FileOutput
{
    /// <summary>Writes a file as Get-Item does, with the path, size and owner that views and other cmdlets use.</summary>
    internal static void WriteFile(this PSCmdlet cmdlet, string path) =>
        cmdlet.WriteObject(cmdlet.InvokeProvider.Item.Get([path], force: true, literalPath: true), enumerateCollection: true);
}
