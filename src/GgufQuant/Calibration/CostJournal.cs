using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Calibration;

/// <summary>What has been measured for a calibration and is not in it yet: a small file beside it, so that an interrupted run loses little.</summary>
/// <remarks>The calibration itself may have gigabytes, and is rewritten only once everything is measured.</remarks>
public sealed class CostJournal
{
    private readonly string _path;
    private readonly string _id;

    /// <summary>Reads the journal of an earlier run, if there is one of this calibration.</summary>
    /// <param name="calibration">The calibration.</param>
    /// <param name="method">How the weights are rounded.</param>
    public CostJournal(CalibrationFile calibration, RoundingMethod method)
    {
        ArgumentNullException.ThrowIfNull(calibration);
        _path = calibration.Path + CostKeys.Of(method).JournalExtension;
        _id = calibration.Id;
        Costs = MeasuredCosts.None with { Method = method };
        if (!RegularFile.Exists(_path))
            return;
        try
        {
            using GgufFile file = GgufFile.Open(_path);
            if (file.Metadata.TryGetString(CalibrationKeys.Id, out string? id) && id == _id)
                Costs = MeasuredCosts.Read(file, method);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or GgufFormatException or CalibrationException)
        {
            // Then it is measured again.
        }
    }

    /// <summary>What the earlier run measured.</summary>
    public MeasuredCosts Costs { get; }

    /// <summary>Replaces the journal by all that has been measured so far.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Write(MeasuredCosts costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        GgufWriter writer = new([GgufEntry.Create(CalibrationKeys.Id, _id), .. costs.ToEntries()], []);
        using AtomicFile file = AtomicFile.Create(_path, writer.Length, overwrite: true, writer.WriteHeader);
        file.Commit();
    }

    /// <summary>Removes the journal, once the calibration has what is in it.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be removed.</exception>
    public void Delete() => FileSystem.Native.Delete(_path);
}
