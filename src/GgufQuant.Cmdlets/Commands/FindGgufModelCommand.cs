using System.Management.Automation;
using GgufQuant.Hub;

namespace GgufQuant.Commands;

/// <summary>Lists the models in repositories on the hub.</summary>
[Cmdlet(VerbsCommon.Find, "GgufModel")]
[OutputType(typeof(HubModel))]
public sealed class FindGgufModelCommand : StoppableCommand
{
    private HubClient? _hub;

    /// <summary>Repositories.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        HelpMessage = "One or more repositories: owner/name, owner/name@revision, or their addresses.")]
    [ValidateNotNullOrEmpty]
    public string[] Repository { get; set; } = [];

    /// <summary>Types to return, wildcards allowed.</summary>
    [Parameter(HelpMessage = "Types to return, by the names of the files: Q4_K_M, IQ*.")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(QuantNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Type { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string repository in Repository)
        {
            try
            {
                Find(repository);
            }
            catch (FormatException exception)
            {
                WriteError(PathErrors.InvalidAddress(exception, repository));
            }
            catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
            {
                WriteError(exception.ToErrorRecord(repository));
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _hub?.Dispose();
        base.Dispose(disposing);
    }

    private void Find(string repository)
    {
        HubClient hub = _hub ??= new(HubOptions.FromEnvironment());
        RemoteAddress address = RemoteAddress.ParseRepository(repository, hub.Options);
        HubModel[] models = [.. RunInBackground($"Listing {address.Repository}", (_, token) => hub.FindModels(address, token)).Select(model => new HubModel(model))];
        if (models.Length == 0)
            WriteWarning($"'{address}' has no GGUF files.");
        WildcardPattern[] patterns = [.. Type.Select(type => new WildcardPattern(type, WildcardOptions.IgnoreCase))];
        foreach (HubModel model in models.Where(model => patterns.Any(pattern => pattern.IsMatch(model.Type ?? ""))))
            WriteObject(model);
    }
}
