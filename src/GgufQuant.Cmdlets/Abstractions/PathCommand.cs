using System.Collections.ObjectModel;
using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.Hub;
using GgufQuant.HuggingFace;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that takes files by <c>-Path</c> or <c>-LiteralPath</c>, with one method call per file.</summary>
public abstract class PathCommand : StoppableCommand
{
    private protected const string PathSet = "Path";
    private protected const string LiteralPathSet = "LiteralPath";

    // For each split model, the shard that represents it, by the path of the first one.
    private readonly Dictionary<string, string> _shards = new(StringComparer.Ordinal);
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);
    private readonly HashSet<string> _opened = new(StringComparer.Ordinal);
    private readonly PathSpellings _spellings = new();
    private HubClient? _hub;

    /// <summary>Files; wildcards allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = PathSet, HelpMessage = "One or more GGUF files; wildcards are allowed.")]
    [SupportsWildcards]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>Files; no character is a wildcard.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = LiteralPathSet, HelpMessage = "One or more GGUF files; no character is a wildcard.")]
    [Alias("PSPath", "LP", "FullName")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // Objects from the pipeline would be rejected one by one, with messages that do not say why.
        if (MyInvocation.ExpectingInput && Path is [string path] && NextParameter is { } next && (IsMandatory(next) || !IsPath(path)))
            ThrowTerminatingError(PathErrors.PathAndPipeline(path, next.Name));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        bool isLiteral = ParameterSetName == LiteralPathSet;
        foreach (string path in isLiteral ? LiteralPath : Path)
            ProcessPath(path, isLiteral);
    }

    /// <summary>Processes the files that a path stands for.</summary>
    private protected void ProcessPath(string path, bool isLiteral)
    {
        foreach (string file in Resolve(path, isLiteral))
            Take(file);
    }

    /// <summary>Does the cmdlet's work for one file: by default, opens it as a model. An invalid file is an error, and the next is processed.</summary>
    /// <param name="path">The full path of a file that exists.</param>
    protected virtual void ProcessFile(string path)
    {
        using GgufFile model = OpenModel(path);
        ModelKind kind = ModelKinds.Of(model.Metadata);
        if (Takes(kind))
            ProcessModel(model);
        else
            PassOver(path, kind, ModelKind.Model);
        if (model.Fault is { } fault && !(TakesHeaders && model.IsHeaderOnly))
            WriteError(fault.ToErrorRecord(path));
    }

    /// <summary>Whether the cmdlet accepts files of a kind.</summary>
    private protected virtual bool Takes(ModelKind kind) => kind == ModelKind.Model;

    /// <summary>Does the cmdlet's work for one model.</summary>
    /// <param name="model">The model, open until the method returns.</param>
    protected virtual void ProcessModel(GgufFile model)
    {
    }

    /// <summary>What objects from the pipeline ask for the current file: a file named twice is processed once per variant.</summary>
    private protected virtual string Variant => "";

    /// <summary>Whether the current file was found by a wildcard rather than named.</summary>
    private protected bool IsMatch { get; private set; }

    /// <summary>Skips a file of a kind that the cmdlet does not accept: with an error if it was named, silently if a wildcard found it.</summary>
    internal void PassOver(string path, ModelKind kind, ModelKind wanted)
    {
        if (IsMatch)
            WriteVerbose($"'{path}' is skipped: it is {kind.Describe()}, not {wanted.Describe()}.");
        else
            Reject(ModelErrors.OtherKind(path, kind, wanted));
    }

    /// <summary>Whether the cmdlet accepts Hugging Face folders as models.</summary>
    private protected virtual bool TakesFolders => false;

    /// <summary>Whether the cmdlet accepts a path as a Hugging Face folder.</summary>
    internal virtual bool TakesFolder(string path) => TakesFolders && HuggingFaceModel.IsModelFolder(path);

    /// <summary>Whether the cmdlet accepts the addresses of remote files.</summary>
    private protected virtual bool TakesAddresses => false;

    /// <summary>Reads remote files, as HF_ENDPOINT, HF_TOKEN and the file of <c>hf auth login</c> say.</summary>
    /// <exception cref="ServerException">One of these is malformed.</exception>
    private protected HubClient Hub => _hub ??= new(HubOptions.FromEnvironment());

    /// <summary>Whether the cmdlet shows what it can of a file that is truncated or has tensors that ggml rejects, and reports the fault as an error.</summary>
    private protected virtual bool ShowsFaultyFiles => false;

    /// <summary>Whether the cmdlet needs no more of a file than its header, and accepts one without data.</summary>
    private protected virtual bool TakesHeaders => false;

    /// <summary>Whether the cmdlet writes models, so that a folder must have a whole vocabulary; otherwise what is wrong with it is a warning.</summary>
    private protected virtual bool WritesModels => false;

    /// <summary>The name of the pre-tokenizer of folders whose own is not recognized; null for a cmdlet that takes none.</summary>
    private protected virtual string? PreTokenizerOfFolders => null;

    /// <summary>Opens a model: a GGUF file, or a Hugging Face folder as the GGUF file that it would become.</summary>
    internal GgufFile OpenModel(string path)
    {
        if (RemoteAddress.IsAddress(path))
            return RunInBackground($"Reading the header of {Formatting.FileName(path)}", (progress, _) => Hub.Open(RemoteAddress.Parse(path, Hub.Options), ShowsFaultyFiles, progress, StopToken));
        if (!Directory.Exists(path))
        {
            if (PreTokenizerOfFolders is not null)
                WriteWarning($"'{Formatting.FileName(path)}' is a GGUF file, which names its pre-tokenizer itself, so -PreTokenizer has no effect on it.");
            return ShowsFaultyFiles ? GgufFile.OpenTolerant(path, StopToken) : TakesHeaders ? OpenHeader(path) : GgufFile.Open(path, StopToken);
        }
        ConversionOptions options = new() { PreTokenizer = PreTokenizerOfFolders };
        HuggingFaceModel model = WritesModels ? HuggingFaceModel.Open(path, options) : HuggingFaceModel.OpenTolerant(path, options);
        if (_opened.Add(_spellings.Of(model.File.Path)))
            Tell(model);
        return model.File;
    }

    private GgufFile OpenHeader(string path)
    {
        GgufFile model = GgufFile.OpenTolerant(path, StopToken);
        if (model.Fault is null || model.IsHeaderOnly)
            return model;
        model.Dispose();
        return GgufFile.Open(path, StopToken);
    }

    /// <summary>Writes the reader's defaults and warnings.</summary>
    private protected void Tell(HuggingFaceModel model)
    {
        foreach (string line in model.Defaults)
            WriteVerbose($"'{Formatting.FileName(model.File.Path)}': config.json lacks a value, so {line} is used.");
        foreach (string warning in model.Warnings)
            WriteWarning(warning);
        if (model.VocabularyFault is { } fault)
            WriteWarning(ModelErrors.DescribeVocabularyFault(fault));
    }

    /// <summary>Whether a file may be an importance matrix: in the older format, in GGUF, or in a calibration. Others are skipped.</summary>
    private protected bool IsMatrix(string path)
    {
        if (ModelKinds.TryRead(path) is not ModelKind kind || kind is ModelKind.ImportanceMatrix or ModelKind.Calibration)
            return true;
        PassOver(path, kind, ModelKind.ImportanceMatrix);
        return false;
    }

    /// <summary>Whether a path led to no file for the cmdlet; an error has been written.</summary>
    private protected bool HasFailed { get; private set; }

    /// <summary>The destinations for a <c>-Destination</c> parameter.</summary>
    /// <param name="given">The parameter's value; null to write next to each source.</param>
    /// <param name="extensions">The extensions of files.</param>
    private protected Destinations DestinationsAt(string? given, params string[] extensions) =>
        given is null ? new() : Destinations.At(given, this.ResolveDestination(given), extensions);

    /// <summary>Reads a file that the user has requested; a failure ends the cmdlet.</summary>
    private protected TResult ReadOrThrowTerminating<TResult>(string path, Func<string, TResult> read)
    {
        if (PathErrors.NoFile(path) is { } error)
            ThrowTerminatingError(error);
        try
        {
            return read(path);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            ThrowTerminatingError(exception.ToErrorRecord(path));
            throw;
        }
    }

    private void Take(string file)
    {
        try
        {
            if (IsFurtherShard(file))
                return;
            if (_taken.Add($"{SpellingOf(file)}\n{Variant}"))
                ProcessFile(file);
            else
                WriteVerbose($"'{file}' has already been processed.");
        }
        catch (OperationCanceledException) when (StopToken.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(file));
        }
    }

    // A wildcard finds every shard of a split model, but they are one model.
    private bool IsFurtherShard(string path)
    {
        if (!ShardNames.HasNumber(System.IO.Path.GetFileNameWithoutExtension(path)))
            return false;
        try
        {
            string first = FirstShardOf(path);
            return !_shards.TryAdd(first, path) && !PathIdentity.AreSame(_shards[first], path);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            // Processing the file will report what is wrong with it.
            return false;
        }
    }

    // Reading the header of every remote shard twice would cost more than its name is wrong.
    private string FirstShardOf(string path) => RemoteAddress.IsAddress(path) ? ShardNames.FirstOf(path) : _spellings.Of(GgufFile.FirstShardOf(path, StopToken));

    private string SpellingOf(string path) => RemoteAddress.IsAddress(path) ? path : _spellings.Of(path);

    private bool IsPath(string path) => (TakesAddresses && RemoteAddress.IsAddress(path)) || WildcardPattern.ContainsWildcardCharacters(path) || System.IO.Path.Exists(this.ResolveUnexpanded(path));

    // The parameter that a second positional argument binds to, unless it was given by name.
    private ParameterMetadata? NextParameter => MyInvocation.MyCommand.Parameters.Values
        .Where(parameter => parameter.ParameterSets.Values.Any(set => set.Position == 1))
        .FirstOrDefault(parameter => !MyInvocation.BoundParameters.ContainsKey(parameter.Name));

    private static bool IsMandatory(ParameterMetadata parameter) => parameter.ParameterSets.Values.Any(set => set.IsMandatory);

    private List<string> Resolve(string path, bool isLiteral)
    {
        IsMatch = false;
        if (TakesAddresses && RemoteAddress.IsAddress(path))
            return ResolveAddress(path, isLiteral);
        if (PathErrors.Address(path) is ErrorRecord error)
            return Reject(error);
        try
        {
            string literal = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
            if (provider.Name != "FileSystem")
                return Reject(PathErrors.NotAFileSystemPath(path));
            // A file whose name contains wildcard characters, as in objects of other cmdlets, is taken literally.
            if (isLiteral || IsModel(literal) || !WildcardPattern.ContainsWildcardCharacters(path))
                return Existing(literal);
            IsMatch = true;
            Collection<string> matches = SessionState.Path.GetResolvedProviderPathFromPSPath(path, out _);
            return [.. matches.Where(IsModel).Order(StringComparer.Ordinal)];
        }
        catch (ItemNotFoundException)
        {
            return [];
        }
        catch (Exception exception) when (exception is ProviderNotFoundException or System.Management.Automation.DriveNotFoundException)
        {
            return Reject(PathErrors.NotFound(exception, path));
        }
    }

    private List<string> ResolveAddress(string path, bool isLiteral)
    {
        try
        {
            RemoteAddress address = RemoteAddress.Parse(path, Hub.Options);
            if (address.IsOnHub && address.File.Length == 0)
                return Reject(PathErrors.IsRepository(address));
            if (isLiteral || !address.IsOnHub || !WildcardPattern.ContainsWildcardCharacters(address.File))
                return [address.ToString()];
            IReadOnlyList<RemoteAddress> files = RunInBackground($"Listing {address.Repository}", (_, token) => Hub.ListFiles(address, token));
            if (files.Any(file => file.File == address.File))
                return [address.ToString()];
            IsMatch = true;
            WildcardPattern[] parts = [.. address.File.Split('/').Select(part => new WildcardPattern(part, WildcardOptions.IgnoreCase))];
            return [.. files.Where(file => IsMatchOf(file.File.Split('/'), parts)).Select(file => file.ToString())];
        }
        catch (FormatException exception)
        {
            return Reject(PathErrors.InvalidAddress(exception, path));
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            return Reject(exception.ToErrorRecord(path));
        }
    }

    // As in the file system, a wildcard does not reach into other folders.
    private static bool IsMatchOf(string[] parts, WildcardPattern[] patterns) =>
        parts.Length == patterns.Length && parts.Zip(patterns).All(pair => pair.Second.IsMatch(pair.First));

    private bool IsModel(string path) => File.Exists(path) || TakesFolder(path);

    private List<string> Existing(string path) =>
        !TakesFolder(path) && PathErrors.NoModel(path) is { } error ? Reject(error) : [path];

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _hub?.Dispose();
        base.Dispose(disposing);
    }

    private List<string> Reject(ErrorRecord error)
    {
        WriteError(error);
        HasFailed = true;
        return [];
    }
}
