using GgufQuant.Reference;
using GgufQuant.Tests.Calibration;
using GgufQuant.Tests.Formats;

namespace GgufQuant.Tests.Simd;

/// <summary>The tests of formats and of rounding again, in a process that sees no vector instructions.</summary>
public class VectorWidthTests
{
    private static readonly Dictionary<string, string?> s_withoutInstructions = new() { ["DOTNET_EnableHWIntrinsic"] = "0", [LaneWidth.Variable] = "0" };

    // Needs no library to compare with. The 128-bit lanes then take arm64's branches on every processor.
    [Fact]
    public async Task Without_the_processors_instructions_every_width_gives_the_committed_blocks() =>
        await ChildTests.AssertPassAsync(s_withoutInstructions, ["-class", typeof(KernelDigestTests).FullName!], skippable: nameof(KernelDigestTests.The_digests_are_of_blocks_that_ggml_writes));

    // Kernels take what IsSupported offers: in this process all that the machine has, in the other one nothing.
    [ReferenceFact(ReferenceKind.Exact)]
    public async Task Without_the_processors_instructions_the_results_are_the_same()
    {
        await ChildTests.AssertPassAsync(
            s_withoutInstructions,
            [
                "-class", typeof(BlockFormatTests).FullName!, "-class", typeof(TailTests).FullName!, "-class", typeof(LaneKernelTests).FullName!,
                "-class", typeof(ScaleOnlyDescentTests).FullName!, "-class", typeof(GridQuantizerTests).FullName!,
                "-class", typeof(MatrixKernelTests).FullName!, "-class", typeof(GridSearchTests).FullName!, "-class", typeof(ScalarRoundingTests).FullName!,
            ],
            skippable: ReferenceLibrary.Build == ReferenceBuild.NuGet ? "IQ1_M" : null);
    }
}
