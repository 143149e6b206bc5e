using System.Management.Automation;
using GgufQuant.Commands;
using GgufQuant.Formats;

namespace GgufQuant.Cmdlets.Tests;

public class CompareQuantTests
{
    [Fact]
    public void A_conversions_source_is_its_reference()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<QuantComparison> rows = session.Invoke<QuantComparison>(
            "Get-GgufInfo $sample | ConvertTo-Quantized -Type Q2_K, Q4_K_M, Q8_0 -Destination . | Compare-Quant");
        Assert.Empty(session.Errors);
        Assert.Equal([FileType.F16, FileType.Q2_K, FileType.Q4_K_M, FileType.Q8_0], rows.Select(row => row.Type!.Value));
        Assert.Equal([true, false, false, false], rows.Select(row => row.IsReference));
        Assert.All(rows, row => Assert.Equal(RepositoryPaths.SampleModel, row.Reference));
        Assert.Equal([0, 3, 2, 1], Enumerable.Range(0, 4).OrderBy(i => rows[i].RelativeRmsError));
        Assert.Equal([1, 2, 3, 0], Enumerable.Range(0, 4).OrderBy(i => rows[i].Memory));
        Assert.InRange(rows[3].RelativeRmsError, 0.001, 0.01);
        Assert.InRange(rows[1].RelativeSize, 0.15, 0.4);
    }

    [Fact]
    public void Without_a_reference_the_most_precise_file_is_it()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("z.gguf");
        session.Invoke<QuantizedFile>("ConvertTo-Quantized z.gguf Q4_0, Q5_0");
        IReadOnlyList<QuantComparison> rows = session.Invoke<QuantComparison>("Compare-Quant *.gguf");
        Assert.Equal(["z.gguf", "z-Q4_0.gguf", "z-Q5_0.gguf"], rows.Select(row => Path.GetFileName(row.Path)));
        Assert.All(rows, row => Assert.Equal(session.Folder.File("z.gguf"), row.Reference));
    }

    [Fact]
    public void The_reference_may_be_named()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Invoke<QuantizedFile>("ConvertTo-Quantized $sample Q4_0, Q8_0 -Destination .");
        IReadOnlyList<QuantComparison> rows = session.Invoke<QuantComparison>("Compare-Quant *Q4_0.gguf -Reference novels-6m-Q8_0.gguf");
        Assert.Equal([FileType.Q8_0, FileType.Q4_0], rows.Select(row => row.Type!.Value));
    }

    [Fact]
    public void Detailed_is_a_row_a_tensor()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<TensorComparison> rows = session.Invoke<TensorComparison>(
            "ConvertTo-Quantized $sample Q4_K_M -Destination . | Compare-Quant -Detailed");
        Assert.Equal(57, rows.Count);
        TensorComparison output = rows.Single(row => row.Name == "output.weight");
        Assert.InRange(output.RelativeRmsError, 0.005, 0.05);
        Assert.Equal(0, rows.Single(row => row.Name == "output_norm.weight").RelativeRmsError);
    }

    [Theory]
    [InlineData("-Corpus none.txt", "-Detailed and -Corpus")]
    [InlineData("-Prompt 'It was'", "-Detailed and -Prompt")]
    public void Detailed_measures_weights_alone(string arguments, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Contains(expected, session.InvokeForError($"Compare-Quant $sample -Reference $sample -Detailed {arguments}").Exception.Message);
    }

    [Fact]
    public void Different_models_are_refused_and_the_others_go_on()
    {
        using PowerShellSession session = PowerShellSession.Start();
        byte[] other = File.ReadAllBytes(RepositoryPaths.SampleModel);
        int name = other.AsSpan().IndexOf("blk.0.attn_q.weight"u8);
        other[name] = (byte)'x';
        File.WriteAllBytes(session.Folder.File("other.gguf"), other);
        session.Folder.CopySample("same.gguf");
        Assert.Equal(2, session.Invoke<QuantComparison>("Compare-Quant other.gguf, same.gguf -Reference $sample").Count);
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("DifferentModels,GgufQuant.Commands.CompareQuantCommand", error.FullyQualifiedErrorId);
        Assert.Contains("blk.0.attn_q.weight", error.Exception.Message);
    }

    [Fact]
    public void One_file_alone_is_nothing_to_compare()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError("Compare-Quant $sample");
        Assert.Equal("NothingToCompare,GgufQuant.Commands.CompareQuantCommand", error.FullyQualifiedErrorId);
        Assert.Contains("-Reference", error.Exception.Message);
    }

    [Fact]
    public void A_report_is_on_one_reference()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("a.gguf");
        session.Folder.CopySample("b.gguf");
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized a.gguf, b.gguf Q4_0 | Compare-Quant | Export-QuantReport r.md");
        Assert.Equal("SeveralReferences,GgufQuant.Commands.ExportQuantReportCommand", error.FullyQualifiedErrorId);
        Assert.Contains(session.Folder.File("b.gguf"), error.Exception.Message);
        Assert.False(File.Exists(session.Folder.File("r.md")));
    }

    [Theory]
    [InlineData("taken.md", "DestinationExists")]
    [InlineData(".", "PathIsFolder")]
    public void A_report_that_cannot_be_written_is_an_error_before_anything_is_compared(string destination, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllText(session.Folder.File("taken.md"), "precious");
        ErrorRecord error = session.InvokeForError($"Compare-Quant none.gguf -Reference $sample | Export-QuantReport {destination}");
        Assert.Equal($"{expected},GgufQuant.Commands.ExportQuantReportCommand", error.FullyQualifiedErrorId);
    }

    [Fact]
    public void The_comparison_is_a_table_worth_reading()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 120);
        Golden.Verify("QuantComparison", session.Render(
            "ConvertTo-Quantized $sample Q8_0, Q5_K_M, Q4_K_M, Q3_K_M, Q2_K -Destination . | Compare-Quant"));
    }

    [Fact]
    public void The_tensors_are_a_table_too()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 120);
        Golden.Verify("TensorComparison", session.Render(
            "ConvertTo-Quantized $sample Q4_K_M -Destination . | Compare-Quant -Detailed | Where-Object Name -match 'blk.0|output'"));
    }
}
