using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

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
    public void A_model_is_the_same_file_from_a_card_as_from_the_processor(FileType type) =>
        AssertSameFile(type, weighted: false);

    [Theory]
    [InlineData(FileType.IQ3_XXS)]
    [InlineData(FileType.IQ2_XS)]
    [InlineData(FileType.IQ1_M)]
    public void With_an_importance_matrix_too(FileType type) => AssertSameFile(type, weighted: true);

    [Fact]
    public void A_weight_that_is_not_finite_is_reported_by_name_row_and_column()
    {
        using TemporaryFolder folder = new();
        byte[] damaged = File.ReadAllBytes(Sample.Model);
        using (GgufFile sound = GgufFile.Open(Sample.Model))
        {
            GgufTensor tensor = sound.Tensors.Single(tensor => tensor.Name == "blk.1.ffn_up.weight");
            long weight = (123 * tensor.RowLength) + 45;
            int at = (int)(tensor.FileOffset + (weight * sizeof(ushort)));
            BitConverter.TryWriteBytes(damaged.AsSpan(at), Half.NaN);
        }
        string path = folder.File("damaged.gguf");
        File.WriteAllBytes(path, damaged);
        using GgufFile source = GgufFile.Open(path);
        using GpuDevice card = new(OpenClTestDevice.Open(KernelSource.OpenCl), threads: 1);
        Quantizer quantizer = new(new QuantizerOptions { Device = card });
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string destination = folder.File("made.gguf");
        QuantizationException thrown = Assert.Throws<QuantizationException>(
            () => quantizer.Run(plan, destination, token: TestContext.Current.CancellationToken));
        Assert.Contains("'blk.1.ffn_up.weight' in the source contains NaN at row 123, column 45", thrown.Message);
        Assert.Equal([path], folder.Files);
    }

    private static void AssertSameFile(FileType type, bool weighted)
    {
        using TemporaryFolder folder = new();
        using GgufFile source = GgufFile.Open(Sample.Model);
        ImatrixFile? matrix = weighted ? Matrix(source, folder) : null;
        QuantizationPlan plan = QuantizationPlan.Create(source, type, new() { Imatrix = matrix });
        using GpuDevice card = new(OpenClTestDevice.Open(KernelSource.OpenCl), threads: 1);
        string expected = folder.File("processor.gguf");
        string actual = folder.File("card.gguf");
        new Quantizer().Run(plan, expected, token: TestContext.Current.CancellationToken);
        Quantizer quantizer = new(new QuantizerOptions { Device = card });
        quantizer.Run(plan, actual, token: TestContext.Current.CancellationToken);
        Assert.Equal(File.ReadAllBytes(expected), File.ReadAllBytes(actual));
        Assert.InRange(card.Share, 0.01, 1);
    }

    private static ImatrixFile Matrix(GgufFile source, TemporaryFolder folder)
    {
        string path = folder.File("imatrix.gguf");
        TestImatrix.For(source).WriteGguf(path);
        return ImatrixFile.Open(path, TestContext.Current.CancellationToken);
    }
}
