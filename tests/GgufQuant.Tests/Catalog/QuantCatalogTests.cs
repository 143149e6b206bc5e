using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Imatrix;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Tests.Catalog;

public class QuantCatalogTests
{
    [Fact]
    public void Every_file_type_is_explained_once_from_the_most_bits_to_the_fewest()
    {
        Assert.Equal(Enum.GetValues<FileType>().Order(), QuantCatalog.All.Select(type => type.Type).Order());
        Assert.Equal(QuantCatalog.All.OrderByDescending(type => type.BitsPerWeight), QuantCatalog.All);
        Assert.All(QuantCatalog.All, type =>
        {
            Assert.EndsWith(".", type.Summary);
            Assert.EndsWith(".", type.TypeSelection);
            Assert.NotEmpty(type.NameParts);
            Assert.Same(type, QuantCatalog.Of(type.Type));
        });
    }

    [Fact]
    public void Bits_and_base_types_are_those_of_Llama_8B_as_planned()
    {
        using Llama8B model = new();
        ImatrixFile matrix = SmallMatrix();
        List<string> wrong = [];
        foreach (QuantType type in QuantCatalog.All)
        {
            // These two are for models of other shapes, and say so.
            if (type.Type is FileType.MXFP4_MOE or FileType.NVFP4)
                continue;
            QuantizationOptions options = new() { Imatrix = type.Imatrix == ImatrixAdvice.Required ? matrix : null };
            List<PlannedTensor> tensors = QuantizationPlan.ChooseTypes(model.File, type.Type, options);
            double bits = 8.0 * tensors.Sum(tensor => tensor.ByteCount) / tensors.Sum(tensor => tensor.Source.ElementCount);
            if (Math.Abs(bits - type.BitsPerWeight) > 0.0051)
                wrong.Add($"{type}: planned {bits:0.000}, in the catalogue {type.BitsPerWeight}");
            TypeShare most = TypeShare.Of(tensors.Select(tensor => (tensor.Target, tensor.Source.ElementCount)))[0];
            if (most.Type != type.BaseType)
                wrong.Add($"{type}: mostly {most}");
        }
        Assert.Empty(wrong);
    }

    [Fact]
    public void A_type_requires_a_matrix_if_the_plan_is_rejected_without_one()
    {
        using Llama8B model = new();
        foreach (QuantType type in QuantCatalog.All.Where(type => type.Type != FileType.NVFP4))
        {
            bool isRejected = Record.Exception(() => QuantizationPlan.Create(model.File, type.Type)) is QuantizationException;
            Assert.True(isRejected == (type.Imatrix == ImatrixAdvice.Required), $"{type}");
        }
    }

    [Theory]
    [InlineData("Q4_K_M", FileType.Q4_K_M)]
    [InlineData("q4_k_m", FileType.Q4_K_M)]
    [InlineData("Q3_K", FileType.Q3_K_M)]
    [InlineData("fp16", FileType.F16)]
    [InlineData("mxfp4", FileType.MXFP4_MOE)]
    public void Names_are_found_as_llama_quantize_takes_them(string name, FileType expected)
    {
        Assert.True(QuantCatalog.TryFind(name, out QuantType? type));
        Assert.Equal(expected, type.Type);
    }

    [Theory]
    [InlineData("15")]
    [InlineData("")]
    [InlineData("Q4_K_XL")]
    [InlineData("Q4_K_M, Q8_0")]
    public void What_is_not_a_name_is_not_found(string name) => Assert.False(QuantCatalog.TryFind(name, out _));

    [Fact]
    public void Published_losses_grow_as_the_files_shrink()
    {
        PublishedQuality[] rows = [.. PublishedMeasurements.All.Where(row => row is { Model: "LLaMA 3 8B", Imatrix: true })];
        Assert.Equal(rows.OrderBy(row => row.KlDivergence), rows.OrderBy(row => row.Perplexity));
        Assert.All(PublishedMeasurements.All, row => Assert.NotEmpty(row.Source));
        Assert.Equal(0.973, QuantCatalog.Of(FileType.Q4_K_M).Quality!.RelativeQuality!.Value, 3);
    }

    private static ImatrixFile SmallMatrix()
    {
        string path = Path.GetTempFileName();
        using (BinaryWriter writer = new(File.Create(path)))
        {
            writer.Write(1);
            writer.Write(1);
            writer.Write((byte)'x');
            writer.Write(1);
            writer.Write(1);
            writer.Write(1f);
        }
        ImatrixFile matrix = ImatrixFile.Open(path, TestContext.Current.CancellationToken);
        File.Delete(path);
        return matrix;
    }
}
