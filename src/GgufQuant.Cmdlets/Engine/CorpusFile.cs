using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>A text to run models over.</summary>
internal static class CorpusFile
{
    /// <summary>Ends the cmdlet with an error if the file cannot be read.</summary>
    internal static void Check(PSCmdlet cmdlet, string path)
    {
        try
        {
            File.OpenHandle(path).Dispose();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            cmdlet.ThrowTerminatingError(exception.ToErrorRecord(path));
        }
    }
}
