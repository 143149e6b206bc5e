using System.Globalization;
using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Tests.Hosting;
using GgufQuant.Gguf;

namespace GgufQuant.Evaluation.Tests.Calibration;

/// <summary>What roles are said to be worth, against what they are worth in the sample model.</summary>
public sealed class RoleCoefficientsTests
{
    [Fact]
    public void Roles_are_worth_what_probes_of_the_sample_model_say()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        using TemporaryFolder folder = new();
        string path = folder.File("calibration.gguf");
        using GgufFile model = GgufFile.Open(Sample.Model);
        using RemoteEngine engine = new(FaultyHost.Command(), SampleEngine.Location);
        RemoteMomentCollector collector = new(
            engine, model, Repository.PathOf("samples", "calibration.txt"), new ImatrixOptions { Threads = 1, Chunks = 40, IncludeOutput = true });
        DiscoveredInputs discovered = collector.Discover(null, token);
        collector.Collect(discovered, CalibrationPasses.Plan(discovered.Inputs, 1L << 30), path, overwrite: false, null, token);
        using CalibrationFile calibration = CalibrationFile.Open(path, token);
        TypeAllocator allocator = new(model, new() { Calibration = calibration }, null);
        Assert.Equal(23, allocator.Groups.Count);
        IReadOnlyDictionary<string, GroupProbe> probes = new RemoteProber(engine, model.Path, path, 1, 1L << 30).Measure(allocator.Groups, null, token);

        // Were the sizes of the outputs 1, the default coefficients would be the roles' shares of what they are worth.
        IReadOnlyDictionary<string, double> defaults = allocator.DefaultCoefficients(new(1, 1L << 30), null, token);
        Dictionary<string, double> worth = [];
        foreach (IGrouping<string, ProbeGroup> role in allocator.Groups.GroupBy(group => TensorGroups.RoleOf(group.Tensors[0].Name)))
        {
            double measured = role.Sum(group => probes[group.Name].Coefficient!.Value / defaults[group.Name] * group.Tensors.Count) / role.Sum(group => group.Tensors.Count);
            worth.Add(role.Key, measured * RoleCoefficients.WorthOf(role.Key));
        }
        string actual = string.Join('\n', worth.Select(role => string.Create(CultureInfo.InvariantCulture, $"[\"{role.Key}\"] = {role.Value:G2},")));
        Assert.All(worth, role => Assert.True(Math.Abs(Math.Log(role.Value / RoleCoefficients.WorthOf(role.Key))) < Math.Log(1.2), actual));
    }
}
