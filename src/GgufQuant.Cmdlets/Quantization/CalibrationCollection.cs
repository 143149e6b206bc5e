using System.Globalization;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Collects the calibration of a model in the engine, and says before it starts what that takes.</summary>
/// <param name="command">The cmdlet.</param>
/// <param name="corpus">The full path of the text.</param>
/// <param name="options">How to run the model over it.</param>
internal sealed class CalibrationCollection(StoppableCommand command, string corpus, ImatrixOptions options)
{
    private const double FewTokensPerColumn = 5;

    /// <summary>Bytes of memory for moments.</summary>
    internal required long MemoryBudget { get; init; }

    /// <summary>Columns per block of moments; null for the widest that three passes collect.</summary>
    internal int? Width { get; init; }

    /// <summary>Bytes of memory that the moments are to be rounded with.</summary>
    internal long RoundingBudget { get; init; } = long.MaxValue;

    /// <summary>Collects the calibration, and writes it.</summary>
    /// <exception cref="Calibration.CalibrationException">The budget is too small.</exception>
    /// <exception cref="Evaluation.Engines.InferenceException">The engine cannot run the model.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    internal QuantCalibration Collect(EngineSession session, GgufFile model, string destination, bool overwrite)
    {
        string name = Formatting.FileName(model.Path);
        RemoteMomentCollector collector = new(session.Engine, model, corpus, options);
        DiscoveredInputs discovered = command.RunInBackground($"Reading {name}", collector.Discover);
        CalibrationPasses passes = CalibrationPasses.Plan(discovered.Inputs, MemoryBudget, Width, RoundingBudget);
        command.WriteVerbose(Describe(discovered, passes));
        WarnOfFewTokens(discovered, passes);
        PerplexityResult perplexity = command.RunInBackground(
            $"Collecting the calibration of {name}",
            (progress, token) => collector.Collect(discovered, passes, destination, overwrite, progress, token));
        return new(destination, model.Path, corpus, discovered, passes, perplexity);
    }

    private static string Describe(DiscoveredInputs discovered, CalibrationPasses passes)
    {
        string blocks = passes.IsWhole ? "whole" : $"in blocks of {passes.Width} columns";
        string experts = discovered.Inputs.Any(input => input.Matrices > 1)
            ? passes.WidthOfExperts switch
            {
                0 => ", the experts' own not at all",
                int width => $", the experts' own in blocks of up to {width} columns",
            }
            : "";
        return $"{passes.Inputs.Count} inputs, {blocks}{experts}: {(passes.Passes.Count == 1 ? "1 pass" : $"{passes.Passes.Count} passes")} over {discovered.Chunks} chunks of {discovered.ChunkSize} tokens, "
            + $"{Formatting.Size(passes.MemoryBytes)} of memory for moments, a file of {Formatting.Size(passes.FileBytes)}, about {Formatting.Duration(passes.EstimateTime(discovered))} by the speed of the first chunk.";
    }

    private void WarnOfFewTokens(DiscoveredInputs discovered, CalibrationPasses passes)
    {
        int width = passes.Inputs.Where(input => input.Matrices == 1).Select(input => input.Width).DefaultIfEmpty(1).Max();
        double tokens = (double)discovered.Chunks * discovered.ChunkSize / width;
        if (tokens < FewTokensPerColumn)
        {
            command.WriteWarning(string.Create(
                CultureInfo.InvariantCulture,
                $"The text has {tokens:0.#} tokens per column of the widest input ({width}); 20 give nearly all of the gain, fewer than {FewTokensPerColumn} little of it. Give more text, or a smaller -CovarianceWidth."));
        }
    }
}
