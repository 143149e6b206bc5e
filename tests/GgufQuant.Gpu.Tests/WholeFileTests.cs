using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Planning;
using GgufQuant.Quantization;
using GgufQuant.Tests.Imatrix;

namespace GgufQuant.Gpu.Tests;

/// <summary>Whole models through the pipeline, with an OpenCL device and without.</summary>
[Collection(OpenClTestDevice.Collection)]
public class WholeFileTests
{
    [Theory]
    [InlineData(FileType.Q4_K_M)]
    [InlineData(FileType.Q2_K)]
    [InlineData(FileType.IQ4_XS)]
    [InlineData(FileType.Q8_0)]
    [InlineData(FileType.TQ1_0)]
    [InlineData(FileType.MXFP4_MOE)]
    [InlineData(FileType.IQ3_M)]
    public void A_model_is_the_same_file_from_a_card_as_from_the_processor(FileType type) => AssertSameFile(type, weighted: false);

    [Theory]
    [InlineData(FileType.IQ3_XXS)]
    [InlineData(FileType.IQ2_XS)]
    [InlineData(FileType.IQ1_M)]
    public void With_an_importance_matrix_too(FileType type) => AssertSameFile(type, weighted: true);

    private static void AssertSameFile(FileType type, bool weighted)
    {
        Assert.SkipWhen(OpenClTestDevice.Missing is not null, OpenClTestDevice.Missing ?? "");
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            using GgufFile source = GgufFile.Open(Path.Combine(TestFolders.Root, "samples", "novels-6m-f16.gguf"));
            QuantizationPlan plan = QuantizationPlan.Create(source, type, new() { ImportanceMatrix = weighted ? Matrix(source, folder) : null });
            using GpuDevice card = new(OpenClTestDevice.Open(KernelSource.OpenCl), threads: 1);
            string expected = Path.Combine(folder, "processor.gguf");
            string actual = Path.Combine(folder, "card.gguf");
            new Quantizer().Run(plan, expected, token: TestContext.Current.CancellationToken);
            new Quantizer(new QuantizerOptions { Device = card }).Run(plan, actual, token: TestContext.Current.CancellationToken);
            Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(actual));
            Assert.InRange(card.Share, 0.01, 1);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ImportanceMatrix Matrix(GgufFile source, string folder)
    {
        string path = Path.Combine(folder, "imatrix.gguf");
        TestImatrix.For(source).WriteGguf(path);
        return ImportanceMatrix.Open(path);
    }
}
