using System.Management.Automation;
using System.Text.RegularExpressions;
using GgufQuant.Hub;
using GgufQuant.HuggingFace;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>Errors about paths.</summary>
internal static partial class PathErrors
{
    /// <summary>Why a path is not that of a file; null if it is.</summary>
    /// <param name="path">The path.</param>
    /// <param name="advice">Advice to add for a folder, with a leading space.</param>
    internal static ErrorRecord? NoFile(string path, string advice = "")
    {
        if (File.Exists(path))
            return RegularFile.Exists(path) ? null : NotRegular(path);
        if (HuggingFaceModel.IsModelFolder(path))
            return NeedsGguf(path);
        return Directory.Exists(path) ? IsFolder(path, advice) : NotFound(path);
    }

    /// <summary>The same if several models may be named.</summary>
    internal static ErrorRecord? NoModel(string path) =>
        NoFile(path, $" To take the models in it, write '{System.IO.Path.Combine(path, "*.gguf")}'.");

    /// <summary>The error for a file where the folder of a Hugging Face model is wanted.</summary>
    internal static ErrorRecord IsFile(string path)
    {
        string advice = path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
            ? "ConvertTo-Quantized takes GGUF files."
            : $"Name the folder that it is in, '{System.IO.Path.GetDirectoryName(path)}'.";
        return new(
            new ArgumentException($"'{path}' is a file, not the folder of a Hugging Face model. {advice}"),
            "PathIsFile", ErrorCategory.InvalidArgument, path);
    }

    private static ErrorRecord NeedsGguf(string path) =>
        new(
            new ArgumentException($"'{path}' is a Hugging Face folder, but a GGUF file is needed. ConvertTo-Gguf '{path}' makes one."),
            "GgufNeeded", ErrorCategory.InvalidArgument, path);

    private static ErrorRecord NotRegular(string path) => new(RegularFile.NotRegular(path), "NotRegularFile", ErrorCategory.InvalidArgument, path);

    internal static ErrorRecord NotFound(string path) =>
        new(new FileNotFoundException($"The file '{path}' does not exist.", path), "FileNotFound", ErrorCategory.ObjectNotFound, path);

    internal static ErrorRecord NotFound(Exception exception, string path) =>
        new(exception, "FileNotFound", ErrorCategory.ObjectNotFound, path);

    internal static ErrorRecord Exists(string path) =>
        new(
            new IOException($"'{path}' already exists. Use -Force to replace it, or -Destination to write elsewhere."),
            "DestinationExists", ErrorCategory.ResourceExists, path);

    /// <summary>The error for a file that -SkipExisting cannot keep.</summary>
    /// <param name="path">The file.</param>
    /// <param name="difference">What distinguishes it from the planned one, as the end of a sentence.</param>
    internal static ErrorRecord Differs(string path, string difference) =>
        new(
            new IOException($"'{path}' exists but {difference}. Use -Force to replace it."),
            "DestinationDiffers", ErrorCategory.ResourceExists, path);

    internal static ErrorRecord IsSource(string path) =>
        new(
            new ArgumentException($"'{path}' is what the new file is made from: choose another name for the result."),
            "DestinationIsSource", ErrorCategory.InvalidArgument, path);

    /// <summary>The error if a file's folder does not exist; null if it does. A destination that is itself a folder is created.</summary>
    internal static ErrorRecord? NoFolder(string path)
    {
        string folder = Path.GetDirectoryName(path)!;
        return Directory.Exists(folder)
            ? null
            : new(
                new DirectoryNotFoundException($"The folder '{folder}' of '{path}' does not exist. Create it first, or check the path."),
                "FolderNotFound", ErrorCategory.ObjectNotFound, path);
    }

    /// <summary>Why a file cannot be written under a name; null if the name is free or may be overwritten.</summary>
    internal static ErrorRecord? NotFree(string path, bool force)
    {
        if (Directory.Exists(path))
            return IsFolder(path, " Name a file in it.");
        if (NoFolder(path) is ErrorRecord error)
            return error;
        return !force && File.Exists(path) ? Exists(path) : null;
    }

    private static ErrorRecord IsFolder(string path, string advice) =>
        new(new ArgumentException($"'{path}' is a folder, not a file.{advice}"), "PathIsFolder", ErrorCategory.InvalidArgument, path);

    internal static ErrorRecord PathAndPipeline(string path, string parameter) =>
        new(
            new ArgumentException($"'{path}' was bound to -Path, but the files come from the pipeline: write -{parameter} {path} after a pipe."),
            "PathAndPipeline", ErrorCategory.InvalidArgument, path);

    /// <summary>The error for a cmdlet that was given no file.</summary>
    internal static ErrorRecord Missing(string advice) => new(new ArgumentException(advice), "PathMissing", ErrorCategory.InvalidArgument, null);

    /// <summary>The error for a URL, with how to download the file; null for anything else.</summary>
    internal static ErrorRecord? Address(string path)
    {
        if (!Url().IsMatch(path))
            return null;
        string advice = RemoteModel().IsMatch(path) ? $"Download it first: Save-GgufModel '{path}'"
            : HuggingFace().Match(path) is { Success: true } address ? OnHuggingFace(address)
            : Download(path);
        return new(new ArgumentException($"'{path}' is a URL, not a file. {advice}"), "PathIsAddress", ErrorCategory.InvalidArgument, path);
    }

    /// <summary>The error for a repository on the hub where a file in it is needed.</summary>
    internal static ErrorRecord IsRepository(RemoteAddress address) =>
        new(
            new ArgumentException($"'{address}' is a repository, not a file. To take the models in it, write '{address}/*.gguf'."),
            "PathIsRepository", ErrorCategory.InvalidArgument, address.ToString());

    /// <summary>The error for an address that is malformed.</summary>
    internal static ErrorRecord InvalidAddress(FormatException exception, string address) =>
        new(exception, "InvalidAddress", ErrorCategory.InvalidArgument, address);

    /// <summary>The error for a file that need not be downloaded.</summary>
    internal static ErrorRecord IsOnDisk(string path) =>
        new(new ArgumentException($"'{path}' is a file on disk, not the address of one to download."), "PathIsFile", ErrorCategory.InvalidArgument, path);

    /// <summary>The error for a remote file of which more than the header is needed.</summary>
    internal static ErrorRecord NeedsDownload(string address, string work) =>
        new(
            new ArgumentException($"'{address}' is on a server, and {work}. Save-GgufModel '{address}' downloads it."),
            "DownloadNeeded", ErrorCategory.InvalidArgument, address);

    /// <summary>The error for a URL where a file is to be written.</summary>
    internal static ErrorRecord IsRemoteDestination(string path) =>
        new(
            new ArgumentException($"'{path}' is a URL. Files are written to the file system only: give -Destination a path."),
            "PathIsAddress", ErrorCategory.InvalidArgument, path);

    // hf://owner/name@revision/file and the page of a file, whose own address returns HTML.
    private static string OnHuggingFace(Match address)
    {
        string repository = $"https://huggingface.co/{address.Groups["repository"]}";
        string revision = address.Groups["revision"] is { Success: true } named ? named.Value : "main";
        return address.Groups["file"] is { Success: true } file
            ? Download($"{repository}/resolve/{revision}/{file}")
            : $"Download a file from {repository}/tree/{revision} first, and name that.";
    }

    private static string Download(string address)
    {
        string name = address.Split('?', '#')[0].Split('/')[^1];
        return address.StartsWith("http", StringComparison.OrdinalIgnoreCase) && name.Length > 0
            ? $"Download it first: Invoke-WebRequest '{address}' -OutFile '{name}'"
            : "Download it first, and name the downloaded file.";
    }

    [GeneratedRegex("^(https?|hf|ftp|s3|gs)://", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Url();

    [GeneratedRegex(@"^(https?|hf)://(?!datasets/).*\.gguf([?#].*)?$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex RemoteModel();

    [GeneratedRegex(
        @"^(hf://|https://(www\.)?(huggingface\.co|hf\.co)/)(?<repository>(datasets/)?[^/@?#]+/[^/@?#]+)(@(?<revision>[^/?#]+)|/(blob|resolve|tree)/(?<revision>[^/?#]+))?(/(?<file>[^?#]+))?/?([?#].*)?$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex HuggingFace();

    internal static ErrorRecord NotAFileSystemPath(string path) =>
        new(new ArgumentException($"'{path}' is not a file system path."), "NotAFileSystemPath", ErrorCategory.InvalidArgument, path);
}
