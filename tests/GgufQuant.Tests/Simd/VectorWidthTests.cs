using GgufQuant.Reference;
using GgufQuant.Tests.Calibration;
using GgufQuant.Tests.Formats;

namespace GgufQuant.Tests.Simd;

/// <summary>The tests of formats and of rounding again, in a process that sees no vector instructions.</summary>
public class VectorWidthTests
{
    // Kernels take what IsSupported offers: in this process all that the machine has, in the other one nothing.
    [ReferenceFact(ReferenceKind.Exact)]
    public async Task Without_the_processors_instructions_the_results_are_the_same()
    {
        Dictionary<string, string?> environment = new() { ["DOTNET_EnableHWIntrinsic"] = "0", [LaneWidth.Variable] = "0" };
        await ChildTests.AssertPassAsync(
            environment,
            [
                "-class", typeof(BlockFormatTests).FullName!, "-class", typeof(TailTests).FullName!, "-class", typeof(LaneKernelTests).FullName!,
                "-class", typeof(MatrixKernelTests).FullName!, "-class", typeof(GridSearchTests).FullName!, "-class", typeof(ScalarRoundingTests).FullName!,
            ],
            skippable: ReferenceLibrary.Build == ReferenceBuild.NuGet ? "IQ1_M" : null);
    }
}
