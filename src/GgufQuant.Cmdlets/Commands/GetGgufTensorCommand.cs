using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.Hub;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Lists the tensors of a model, with statistics of their weights on request.</summary>
[Cmdlet(VerbsCommon.Get, "GgufTensor", DefaultParameterSetName = PathSet)]
[OutputType(typeof(TensorInfo), typeof(MeasuredTensor))]
public sealed class GetGgufTensorCommand : PathCommand
{
    /// <summary>Names of tensors, wildcards allowed.</summary>
    [Parameter(Position = 1, HelpMessage = "Names of tensors; wildcards are allowed.")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(TensorNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = ["*"];

    /// <summary>Reads the weights and adds statistics.</summary>
    [Parameter(HelpMessage = "Read the weights and add statistics: minimum, maximum, mean, deviation, zeros, NaN, infinities.")]
    public SwitchParameter Statistics { get; set; }

    /// <inheritdoc/>
    private protected override bool Takes(ModelKind kind) => true;

    /// <inheritdoc/>
    private protected override bool ShowsFaultyFiles => true;

    /// <inheritdoc/>
    private protected override bool TakesFolders => true;

    /// <inheritdoc/>
    private protected override bool TakesAddresses => true;

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        if (Statistics && RemoteAddress.IsAddress(model.Path))
        {
            WriteError(PathErrors.NeedsDownload(model.Path, "-Statistics reads all of it"));
            return;
        }
        WildcardPattern[] patterns = [.. Name.Select(name => new WildcardPattern(name, WildcardOptions.IgnoreCase))];
        GgufTensor[] tensors = [.. model.Tensors.Where(tensor => patterns.Any(pattern => pattern.IsMatch(tensor.Name)))];
        foreach (GgufTensor tensor in tensors)
            WriteObject(Statistics ? Measure(model, tensor) : new TensorInfo(model, tensor));
        foreach (string missing in Name.Where(name => IsMissing(name, tensors)))
            WriteError(NotFound(model, missing));
    }

    private static bool IsMissing(string name, GgufTensor[] tensors) =>
        !WildcardPattern.ContainsWildcardCharacters(name)
        && !tensors.Any(tensor => tensor.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static ErrorRecord NotFound(GgufFile model, string name) =>
        new(new ArgumentException($"'{model.Path}' has no tensor '{name}'."), "TensorNotFound", ErrorCategory.ObjectNotFound, name);

    private MeasuredTensor Measure(GgufFile model, GgufTensor tensor)
    {
        TensorStatistics statistics = RunInBackground(
            $"Reading {Formatting.FileName(model.Path)}",
            (progress, token) => TensorStatistics.Measure(model, tensor, threads: 0, progress, token));
        return new(model, tensor, statistics);
    }
}
