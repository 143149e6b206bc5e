using System.Management.Automation;
using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Catalog;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>The calibration that <c>-Corpus</c> stands for: collected once, kept beside the output, and used again as long as it is of the same model and text.</summary>
internal sealed class CorpusCalibration
{
    /// <summary>Bytes of memory for collecting moments and for rounding with them: enough for 14,336 columns.</summary>
    internal const long DefaultMemoryBudget = 4L << 30;

    private readonly StoppableCommand _command;
    private readonly Func<EngineSession> _openEngine;
    private readonly string _corpus;
    private readonly ImatrixOptions _options;
    private readonly long _memoryBudget;
    private readonly int? _width;
    private readonly IReadOnlyList<SizeTarget> _targets;
    private readonly BlockFormat[] _allowed;

    private CorpusCalibration(
        StoppableCommand command, Func<EngineSession> openEngine, string corpus, ImatrixOptions options, long memoryBudget, int? width,
        IReadOnlyList<SizeTarget> targets, BlockFormat[] allowed)
    {
        _command = command;
        _openEngine = openEngine;
        _corpus = corpus;
        _options = options;
        _memoryBudget = memoryBudget;
        _width = width;
        _targets = targets;
        _allowed = allowed;
    }

    /// <summary>What the calibration of a model is called.</summary>
    private static string NameFor(string model) => $"{QuantName.WithoutQuantization(model)}-calibration.gguf";

    /// <summary>Takes a cmdlet's parameters; if the width is none, the cmdlet ends with an error.</summary>
    /// <param name="command">The cmdlet.</param>
    /// <param name="openEngine">Finds the engine.</param>
    /// <param name="corpus">The full path of the text.</param>
    /// <param name="chunks">Chunks of it at most.</param>
    /// <param name="width">Columns per block of moments.</param>
    /// <param name="memoryBudget">Bytes of memory.</param>
    /// <param name="targets">The sizes that types are chosen for, of which one must be possible; none for file types.</param>
    /// <param name="allowed">The types to choose from; none for all.</param>
    internal static CorpusCalibration Of(
        EngineCommand command, Func<EngineSession> openEngine, string corpus, int? chunks, int? width, long memoryBudget,
        IReadOnlyList<SizeTarget> targets, BlockFormat[] allowed)
    {
        CheckWidth(command, width);
        return new(command, openEngine, corpus, new() { Chunks = chunks, IncludeOutput = true, Threads = command.ThreadCount }, memoryBudget, width, targets, allowed);
    }

    /// <summary>Ends a cmdlet with an error if moments cannot be cut to blocks of a width.</summary>
    internal static void CheckWidth(PSCmdlet command, int? width)
    {
        if (width % 256 > 0)
        {
            command.ThrowTerminatingError(new(
                new ArgumentException($"-CovarianceWidth must be a multiple of 256, not {width}."), "InvalidWidth", ErrorCategory.InvalidArgument, width));
        }
    }

    /// <summary>Processes a model with its calibration, which is collected first unless it is there.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Types for single tensors, which are not up for choice.</param>
    /// <param name="destinations">Where the calibration is kept: beside the output.</param>
    /// <param name="force">Whether another file of that name is replaced.</param>
    /// <param name="process">Processes the model.</param>
    /// <param name="preview">Takes the sizes that are possible, if the user only asks what would be done.</param>
    /// <exception cref="QuantizationException">The model cannot be run, or another file has the calibration's name.</exception>
    /// <exception cref="CalibrationException">The budget is too small.</exception>
    /// <exception cref="InferenceException">The engine cannot run the model.</exception>
    /// <exception cref="IOException">The calibration cannot be written.</exception>
    internal void Process(
        GgufFile model, QuantizationOptions options, Destinations destinations, bool force,
        Action<OpenCalibration> process, Action<SizeTarget[]> preview)
    {
        SizeTarget[] possible = SizeAllocation.PossibleBefore(_command, model, options, _targets, _allowed);
        if (_targets.Count > 0 && possible.Length == 0)
            return;
        using OpenCalibration? collected = Collect(model, destinations.Beside(model.Path, NameFor(model.Path)), force, out bool isWhatIf);
        if (collected is not null)
            process(collected);
        else if (isWhatIf)
            preview(possible);
    }

    /// <summary>Opens the calibration of a model, which is collected first unless it is there.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Where the calibration is kept.</param>
    /// <param name="force">Whether another file of that name is replaced.</param>
    /// <param name="isWhatIf">Whether it is not collected because the user only asks what would be done.</param>
    /// <returns>The calibration; null if it is not to be collected.</returns>
    /// <exception cref="QuantizationException">The model cannot be run, or another file has the calibration's name.</exception>
    /// <exception cref="CalibrationException">The budget is too small.</exception>
    /// <exception cref="InferenceException">The engine cannot run the model.</exception>
    /// <exception cref="IOException">The calibration cannot be written.</exception>
    private OpenCalibration? Collect(GgufFile model, string path, bool force, out bool isWhatIf)
    {
        isWhatIf = false;
        string name = Formatting.FileName(model.Path);
        if (TryOpen(model, path) is { } kept)
        {
            _command.WriteVerbose($"'{path}' is of this model and text, and is used.");
            return kept;
        }
        if (Directory.Exists(model.Path))
            throw new QuantizationException($"'{model.Path}' is a folder, and only a GGUF file can be run over a text: ConvertTo-Gguf makes one.");
        if (File.Exists(path) && !force)
        {
            string remedy = _command.MyInvocation.MyCommand.Parameters.ContainsKey("Force") ? "-Force collects another in its place" : "remove it to collect another";
            throw new QuantizationException($"'{path}' exists, but is not the calibration of '{name}' over '{_corpus}' with these parameters. -Calibration takes it as it is, or {remedy}.");
        }
        if (!_command.ShouldProcess($"Collect the calibration of '{name}' over '{_corpus}' and write '{path}'.", "Collect the calibration?", _command.MyInvocation.MyCommand.Name, out ShouldProcessReason reason))
        {
            isWhatIf = reason == ShouldProcessReason.WhatIf;
            return null;
        }
        EngineSession session = _openEngine();
        if (session.TryWaitUntilStarted() is { } error)
            throw error.Exception;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        CalibrationCollection collection = new(_command, _corpus, _options)
        {
            MemoryBudget = _memoryBudget,
            Width = _width,
            RoundingBudget = _memoryBudget,
        };
        QuantCalibration collected = collection.Collect(session, model, path, force);
        _command.WriteVerbose($"The calibration is kept in '{collected.Path}': further types and sizes need no pass over the text.");
        return new(CalibrationFile.Open(path));
    }

    private OpenCalibration? TryOpen(GgufFile model, string path)
    {
        if (!RegularFile.Exists(path))
            return null;
        OpenCalibration? kept = null;
        try
        {
            kept = OpenCalibration.Read(_command, path);
            string text = _command.RunInBackground($"Reading {Formatting.FileName(_corpus)}", (_, token) => CorpusFingerprint.Of(_corpus, _options, token));
            CalibrationFile file = kept.File;
            if (file.IsOf(model) && file.TextHash == text && file.Inputs.All(input => _width is null || input.Width == Math.Min(_width.Value, input.Columns)))
                return kept;
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            // Another file has its name.
        }
        kept?.Dispose();
        return null;
    }
}
