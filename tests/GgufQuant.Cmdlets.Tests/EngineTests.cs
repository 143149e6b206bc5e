using System.Management.Automation;
using GgufQuant.Commands;
using GgufQuant.Llama;

namespace GgufQuant.Cmdlets.Tests;

/// <summary>The cmdlets that run models, on the sample model and its texts.</summary>
public class EngineTests
{
    private static readonly string s_heldOut = Path.Combine(RepositoryPaths.Root, "samples", "heldout.txt");
    private static readonly string s_calibration = Path.Combine(RepositoryPaths.Root, "samples", "calibration.txt");

    [Fact]
    public void A_corpus_adds_what_is_lost_in_predictions()
    {
        using PowerShellSession session = Start();
        IReadOnlyList<QuantQuality> rows = session.Invoke<QuantQuality>(
            $"ConvertTo-Quantized $sample Q8_0, Q4_0 -Destination . | Compare-Quant -Corpus '{s_heldOut}' -Chunks 4");
        Assert.Empty(session.Errors);
        Assert.Equal([true, false, false], rows.Select(row => row.IsReference));
        Assert.InRange(rows[0].Perplexity, 20, 40);
        Assert.Equal((0, 1, 1), (rows[0].KlDivergence, rows[0].TopTokenMatch, rows[0].RelativeQuality));
        Assert.InRange(rows[1].KlDivergence, 1e-6, 0.001);
        Assert.InRange(rows[2].KlDivergence, rows[1].KlDivergence * 10, 0.5);
        Assert.True(rows[2].TopTokenMatch < rows[1].TopTokenMatch);
        Assert.Contains("Perplexity", session.Render("Compare-Quant *.gguf -Reference $sample -Chunks 2 -Corpus '" + s_heldOut + "'"));
    }

    [Fact]
    public void A_text_that_is_too_short_is_an_error()
    {
        using PowerShellSession session = Start();
        File.WriteAllText(session.Folder.File("short.txt"), "It was a truth.");
        session.Folder.CopySample("a.gguf");
        ErrorRecord error = session.InvokeForError("Compare-Quant a.gguf -Reference $sample -Corpus short.txt");
        Assert.Equal("CorpusTooShort,GgufQuant.Commands.CompareQuantCommand", error.FullyQualifiedErrorId);
        ErrorRecord missing = session.InvokeForError("Compare-Quant a.gguf -Reference $sample -Corpus none.txt");
        Assert.Equal("FileNotFound,GgufQuant.Commands.CompareQuantCommand", missing.FullyQualifiedErrorId);
    }

    [Fact]
    public void Continuations_stand_side_by_side()
    {
        using PowerShellSession session = Start();
        GenerationTest test = session.InvokeOne<GenerationTest>(
            "ConvertTo-Quantized $sample Q8_0 -Destination . | Test-GgufGeneration -Prompt 'It was' -MaxToken 12");
        Assert.Equal("It was", test.Prompt);
        Assert.InRange(test.AgreeingTokens, 1, 12);
        Assert.NotEmpty(test.ReferenceText);
        Assert.NotEmpty(test.Text);
        Assert.True(test.TokensPerSecond > 0);
    }

    [Fact]
    public void A_matrix_is_collected_read_merged_converted_and_used()
    {
        using PowerShellSession session = Start();
        MatrixFile matrix = session.InvokeOne<MatrixFile>(
            $"New-ImportanceMatrix $sample '{s_calibration}' -Chunks 4 -Destination m.gguf");
        Assert.Equal((session.Folder.File("m.gguf"), 42, 4), (matrix.Path, matrix.Entries, matrix.Chunks));
        Assert.InRange(matrix.Perplexity!.Value, 10, 60);

        IReadOnlyList<MatrixEntry> entries = session.Invoke<MatrixEntry>("Get-ImportanceMatrix m.gguf");
        Assert.Equal(42, entries.Count);
        Assert.All(entries, entry => Assert.True(entry.Sum > 0 && entry.Minimum <= entry.Mean && entry.Mean <= entry.Maximum));
        Assert.Equal(6, session.Invoke<MatrixEntry>("Get-ImportanceMatrix m.gguf *attn_v*").Count);

        Assert.Equal(session.Folder.File("m.dat"), session.InvokeOne<MatrixFile>("ConvertTo-ImportanceMatrix m.gguf Dat").Path);
        Assert.Equal(8, session.InvokeOne<MatrixFile>("Merge-ImportanceMatrix m.gguf, m.gguf -Destination twice.gguf").Chunks);

        QuantizedFile made = session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample IQ2_XS -ImportanceMatrix m.gguf -Destination .");
        Assert.InRange(made.BitsPerWeight, 2, 4);
        Assert.Contains(session.Invoke<object>("(Get-GgufInfo novels-6m-IQ2_XS.gguf -Metadata).Metadata.Keys"), key => key is "quantize.imatrix.file");
    }

    [Fact]
    public void A_report_is_written_from_the_rows()
    {
        using PowerShellSession session = Start();
        session.Invoke<object>(
            $"$rows = ConvertTo-Quantized $sample Q8_0, Q4_0 -Destination . | Compare-Quant -Corpus '{s_heldOut}' -Chunks 2 -Prompt 'It was'");
        Assert.Equal(session.Folder.File("r.html"), session.InvokeOne<FileInfo>("$rows | Export-QuantReport r.html").FullName);
        Assert.Contains("Q4_0", File.ReadAllText(session.Folder.File("r.html")));
        session.InvokeOne<FileInfo>("$rows | Export-QuantReport r.md -Title 'My model'");
        Assert.StartsWith("# My model", File.ReadAllText(session.Folder.File("r.md")));
        Assert.Equal("DestinationExists,GgufQuant.Commands.ExportQuantReportCommand", session.InvokeForError("$rows | Export-QuantReport r.md").FullyQualifiedErrorId);
        Assert.Equal("NoReference,GgufQuant.Commands.ExportQuantReportCommand", session.InvokeForError("$rows[1] | Export-QuantReport x.md").FullyQualifiedErrorId);
    }

    private static PowerShellSession Start()
    {
        string native = Path.Combine(RepositoryPaths.Module, "native", Path.GetFileName(LlamaEngine.DefaultFolder));
        Assert.SkipUnless(Directory.Exists(native), $"The engine's libraries are not staged in '{native}'.");
        return PowerShellSession.Start();
    }
}
