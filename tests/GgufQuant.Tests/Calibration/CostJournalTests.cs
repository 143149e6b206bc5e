using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Tests.Calibration;

/// <summary>What a run that is interrupted leaves to the next one.</summary>
public sealed class CostJournalTests : IDisposable
{
    private static readonly MeasuredCosts s_costs = MeasuredCosts.None.With(
        [KeyValuePair.Create("attn_q", 1.5)], [KeyValuePair.Create(("blk.0.attn_q.weight", GgmlType.Q3_K), new OutputError(2, 0.5))]);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ggufquant-");
    private readonly GgufFile _model = GgufFile.Open(Sample.Model);

    public void Dispose()
    {
        _model.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(RoundingMethod.Moments)]
    [InlineData(RoundingMethod.Ggml)]
    public void The_next_run_has_what_was_measured(RoundingMethod method)
    {
        using CalibrationFile calibration = Calibrate(seed: 0);
        CostJournal journal = new(calibration, method);
        Assert.Empty(journal.Costs.Coefficients);
        journal.Write(s_costs with { Method = method });
        journal.Write((s_costs with { Method = method }).With([KeyValuePair.Create("output", 3.0)], []));
        MeasuredCosts read = new CostJournal(calibration, method).Costs;
        Assert.Equal(method, read.Method);
        Assert.Equal([new("attn_q", 1.5), new("output", 3.0)], read.Coefficients.OrderBy(cost => cost.Key));
        Assert.Equal(s_costs.Errors, read.Errors);
        // What was measured of other rounding does not count.
        Assert.Empty(new CostJournal(calibration, method == RoundingMethod.Moments ? RoundingMethod.Ggml : RoundingMethod.Moments).Costs.Errors);
        journal.Delete();
        Assert.Empty(new CostJournal(calibration, method).Costs.Errors);
        Assert.Equal(["calibration.gguf"], _folder.GetFiles().Select(file => file.Name));
    }

    [Fact]
    public void What_was_measured_with_another_calibration_does_not_count()
    {
        using (CalibrationFile calibration = Calibrate(seed: 0))
            new CostJournal(calibration, RoundingMethod.Moments).Write(s_costs);
        using CalibrationFile other = Calibrate(seed: 1);
        Assert.Empty(new CostJournal(other, RoundingMethod.Moments).Costs.Errors);
    }

    [Fact]
    public void A_damaged_journal_does_not_count()
    {
        using CalibrationFile calibration = Calibrate(seed: 0);
        new CostJournal(calibration, RoundingMethod.Moments).Write(s_costs);
        string path = Assert.Single(_folder.GetFiles("*.cost")).FullName;
        GgufMetadataEditor.Apply(path, [GgufEntry.Create("calibration.cost.errors", new[] { -1.0 })], []);
        Assert.Empty(new CostJournal(calibration, RoundingMethod.Moments).Costs.Errors);
        File.WriteAllText(path, "no GGUF");
        Assert.Empty(new CostJournal(calibration, RoundingMethod.Moments).Costs.Errors);
    }

    private CalibrationFile Calibrate(int seed)
    {
        string path = Path.Combine(_folder.FullName, "calibration.gguf");
        TestCalibration.Write(path, _model, seed: seed);
        return CalibrationFile.Open(path);
    }
}
