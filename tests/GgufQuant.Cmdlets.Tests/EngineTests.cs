using System.Management.Automation;
using System.Text;
using System.Text.RegularExpressions;
using GgufQuant.Commands;

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
    public void A_text_that_is_too_short_is_one_error_and_weights_are_compared_still()
    {
        using PowerShellSession session = Start();
        File.WriteAllText(session.Folder.File("short.txt"), "It was a truth.");
        IReadOnlyList<QuantComparison> rows = session.Invoke<QuantComparison>(
            "ConvertTo-Quantized $sample Q8_0, Q4_0 -Destination . | Compare-Quant -Corpus short.txt");
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("CorpusTooShort,GgufQuant.Commands.CompareQuantCommand", error.FullyQualifiedErrorId);
        Assert.Equal(3, rows.Count);
        Assert.All(rows, row => Assert.IsNotType<QuantQuality>(row));
        Assert.InRange(rows[2].RelativeRmsError, 0.01, 0.2);
    }

    [Fact]
    public void A_text_that_is_not_there_ends_the_command()
    {
        using PowerShellSession session = Start();
        ErrorRecord missing = session.InvokeForError("Compare-Quant *.gguf -Reference $sample -Corpus none.txt");
        Assert.Equal("FileNotFound,GgufQuant.Commands.CompareQuantCommand", missing.FullyQualifiedErrorId);
        ErrorRecord useless = session.InvokeForError("Compare-Quant *.gguf -Reference $sample -Chunks 2");
        Assert.Equal("NoCorpus,GgufQuant.Commands.CompareQuantCommand", useless.FullyQualifiedErrorId);
    }

    [Fact]
    public void Models_that_cannot_be_run_are_errors_and_the_others_go_on()
    {
        using PowerShellSession session = Start();
        WritePatched(session.Folder.File("a-no-vocabulary.gguf"), "tokenizer.ggml.model", "tokenizer.ggml.nodel");
        WritePatched(session.Folder.File("b-other-vocabulary.gguf"), "Prince", "Prinze");
        session.Folder.CopySample("c-same.gguf");
        IReadOnlyList<QuantQuality> rows = session.Invoke<QuantQuality>($"Compare-Quant *.gguf -Reference $sample -Corpus '{s_heldOut}' -Chunks 2");
        Assert.Equal([RepositoryPaths.SampleModel, session.Folder.File("c-same.gguf")], rows.Select(row => row.Path));
        Assert.Equal(0, rows[1].KlDivergence, 1e-9);
        Assert.Equal(["CannotRunModel", "DifferentVocabularies"], session.Errors.Select(error => error.FullyQualifiedErrorId.Split(',')[0]));
        Assert.Contains("holds no vocabulary", session.Errors[0].Exception.Message);
    }

    [Fact]
    public void An_architecture_the_engine_does_not_know_is_one_error()
    {
        using PowerShellSession session = Start();
        WritePatched(session.Folder.File("zebra.gguf"), "llama", "zebra");
        File.Copy(session.Folder.File("zebra.gguf"), session.Folder.File("zebra2.gguf"));
        IReadOnlyList<QuantComparison> rows = session.Invoke<QuantComparison>(
            $"Compare-Quant zebra2.gguf -Reference zebra.gguf -Corpus '{s_heldOut}' -Chunks 2");
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("CannotRunModel,GgufQuant.Commands.CompareQuantCommand", error.FullyQualifiedErrorId);
        Assert.Contains("unknown model architecture: 'zebra'", error.Exception.Message);
        Assert.Equal(2, rows.Count);
    }

    [Fact]
    public void Without_the_engines_libraries_weights_are_compared_still()
    {
        using PowerShellSession session = PowerShellSession.Start();
        string module = CopyModuleWithoutEngine(session.Folder);
        session.Invoke<object>($"Remove-Module GgufQuant; Import-Module '{module}'");
        session.Folder.CopySample("a.gguf");
        IReadOnlyList<QuantComparison> rows = session.Invoke<QuantComparison>($"Compare-Quant a.gguf -Reference $sample -Corpus '{s_heldOut}'");
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("EngineMissing,GgufQuant.Commands.CompareQuantCommand", error.FullyQualifiedErrorId);
        Assert.Equal(2, rows.Count);
        ErrorRecord ended = session.InvokeForError($"New-ImportanceMatrix a.gguf '{s_calibration}'");
        Assert.Equal("EngineMissing,GgufQuant.Commands.NewImportanceMatrixCommand", ended.FullyQualifiedErrorId);
    }

    [Fact]
    public void Ctrl_C_leaves_the_rows_that_are_finished()
    {
        using PowerShellSession session = Start();
        session.Invoke<object>("ConvertTo-Quantized $sample Q8_0, Q6_K, Q4_0 -Destination .");
        List<object> rows = [];
        session.Runspace.SessionStateProxy.SetVariable("rows", rows);
        TimeSpan taken = session.Stop(
            $"Compare-Quant *.gguf -Reference $sample -Corpus '{s_heldOut}' -Chunks 8 | ForEach-Object {{ $rows.Add($_) }}",
            when: () => rows.Count == 2);
        Assert.InRange(taken, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.Equal(2, rows.Count);
        QuantQuality finished = Assert.IsType<QuantQuality>(rows[1]);
        Assert.Equal("novels-6m-Q4_0.gguf", Path.GetFileName(finished.Path));
        Assert.True(finished.KlDivergence > 0);
    }

    [Fact]
    public void Progress_tells_the_chunk_the_perplexity_and_the_time_left()
    {
        using PowerShellSession session = Start();
        session.Invoke<object>("ConvertTo-Quantized $sample Q8_0 -Destination .");
        session.Render($"Compare-Quant *.gguf -Reference $sample -Corpus '{s_heldOut}' -Chunks 40 -Threads 1");
        ProgressRecord[] records = [.. session.Host.Progress.Where(record => record.Activity == "Evaluating novels-6m-Q8_0.gguf")];
        Assert.Contains(records, record => record.SecondsRemaining >= 0
            && Regex.IsMatch(record.StatusDescription, @"^Chunk \d+ of 40, perplexity \d+\.\d\d$"));
        Assert.Equal(ProgressRecordType.Completed, records[^1].RecordType);
    }

    [Fact]
    public void Logits_are_kept_in_a_file_and_read_again()
    {
        using PowerShellSession session = Start();
        string command = $"ConvertTo-Quantized $sample Q4_0 -Destination . -Force | Compare-Quant -Corpus '{s_heldOut}' -Chunks 4 -LogitsFile kept.bin";
        QuantQuality written = session.Invoke<QuantQuality>(command)[1];
        DateTime time = File.GetLastWriteTimeUtc(session.Folder.File("kept.bin"));
        QuantQuality read = session.Invoke<QuantQuality>(command)[1];
        Assert.Empty(session.Errors);
        Assert.Equal(written.KlDivergence, read.KlDivergence);
        Assert.Equal(time, File.GetLastWriteTimeUtc(session.Folder.File("kept.bin")));
        Assert.Single(session.Invoke<QuantQuality>($"Compare-Quant *Q4_0.gguf -Reference $sample -Corpus '{s_heldOut}' -Chunks 4").Skip(1));
        Assert.Equal(2, session.Invoke<QuantComparison>($"Compare-Quant *Q4_0.gguf -Reference $sample -Corpus '{s_calibration}' -Chunks 4 -LogitsFile kept.bin").Count);
        Assert.Equal("InvalidLogits,GgufQuant.Commands.CompareQuantCommand", Assert.Single(session.Errors).FullyQualifiedErrorId);
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
    public void A_matrix_goes_into_a_folder_and_is_not_replaced_by_that_of_another_model()
    {
        using PowerShellSession session = Start();
        Directory.CreateDirectory(session.Folder.File("out"));
        session.Folder.CopySample("m-f16.gguf");
        session.Folder.CopySample("m-f32.gguf");
        MatrixFile matrix = Assert.Single(session.Invoke<MatrixFile>(
            $"New-ImportanceMatrix *.gguf '{s_calibration}' -Chunks 2 -Destination out -Force"));
        Assert.Equal((session.Folder.File("out/m-imatrix.gguf"), session.Folder.File("m-f16.gguf")), (matrix.Path, matrix.Model));
        Assert.Equal("DestinationUsedTwice,GgufQuant.Commands.NewImportanceMatrixCommand", Assert.Single(session.Errors).FullyQualifiedErrorId);
    }

    [Theory]
    [InlineData("file.txt/m.gguf")]
    [InlineData("taken")]
    public void A_destination_that_cannot_be_written_is_an_error_before_the_model_is_run(string destination)
    {
        using PowerShellSession session = Start();
        File.WriteAllText(session.Folder.File("file.txt"), "precious");
        Directory.CreateDirectory(session.Folder.File("taken/m-imatrix.gguf"));
        WritePatched(session.Folder.File("m.gguf"), "tokenizer.ggml.model", "tokenizer.ggml.nodel");
        ErrorRecord error = session.InvokeForError($"New-ImportanceMatrix m.gguf '{s_calibration}' -Destination {destination} -Force");
        Assert.Equal("FileError,GgufQuant.Commands.NewImportanceMatrixCommand", error.FullyQualifiedErrorId);
    }

    [Fact]
    public void Prompts_add_what_the_models_write()
    {
        using PowerShellSession session = Start();
        IReadOnlyList<QuantComparison> rows = session.Invoke<QuantComparison>(
            "$rows = ConvertTo-Quantized $sample Q8_0, Q2_K -Destination . | Compare-Quant -Prompt 'It was', 'She said'; $rows");
        Assert.Empty(session.Errors);
        Assert.Equal([2, 2, 2], rows.Select(row => row.Generations.Count));
        Assert.All(rows[0].Generations, text => Assert.True(text.IsIdentical));
        Assert.Equal(rows[0].Generations[0].Candidate.Text, rows[2].Generations[0].Reference.Text);

        string table = session.Render("$rows");
        Assert.Contains("Same tokens Continuation", table);
        Assert.Matches(@"(?m)^F16 .* - +\w", table);
        Assert.Matches(@"(?m)^Q2_K .* \d+ of 128 \S", table);
    }

    [Fact]
    public void A_reference_that_cannot_be_run_is_one_error()
    {
        using PowerShellSession session = Start();
        WritePatched(session.Folder.File("no-vocabulary.gguf"), "tokenizer.ggml.model", "tokenizer.ggml.nodel");
        IReadOnlyList<QuantComparison> rows = session.Invoke<QuantComparison>(
            $"Compare-Quant $sample -Reference no-vocabulary.gguf -Corpus '{s_heldOut}' -Chunks 2 -Prompt 'It was'");
        Assert.Contains("holds no vocabulary", Assert.Single(session.Errors).Exception.Message);
        Assert.Equal(2, rows.Count);
        Assert.All(rows, row => Assert.Empty(row.Generations));
    }

    [Fact]
    public void After_objects_of_another_kind_a_row_shows_what_was_measured_on_the_corpus()
    {
        using PowerShellSession session = Start();
        string list = session.Render(
            $"$made = ConvertTo-Quantized $sample Q4_0 -Destination .; $made; $made | Compare-Quant -Corpus '{s_heldOut}' -Chunks 2");
        Assert.Matches(@"(?m)^Perplexity +: \d", list);
        Assert.Matches(@"(?m)^KlDivergence +: \d", list);
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

    private static void WritePatched(string path, string from, string to)
    {
        byte[] bytes = File.ReadAllBytes(RepositoryPaths.SampleModel);
        int at = bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(from));
        Encoding.UTF8.GetBytes(to).CopyTo(bytes, at);
        File.WriteAllBytes(path, bytes);
    }

    private static string CopyModuleWithoutEngine(TestFolder folder)
    {
        string target = Directory.CreateDirectory(folder.File("copy")).FullName;
        foreach (string file in Directory.EnumerateFiles(RepositoryPaths.Module, "*", SearchOption.AllDirectories))
        {
            string relative = Path.GetRelativePath(RepositoryPaths.Root, file);
            if (relative.Contains("engine", StringComparison.Ordinal))
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(target, relative))!);
            File.Copy(file, Path.Combine(target, relative));
        }
        File.Copy(Path.Combine(RepositoryPaths.Root, "GgufQuant.psd1"), Path.Combine(target, "GgufQuant.psd1"));
        return Path.Combine(target, "GgufQuant.psd1");
    }

    private static PowerShellSession Start()
    {
        Assert.Skip("Models run in a second PowerShell process, which this host is not: tests/cmdlets holds these tests.");
        return PowerShellSession.Start();
    }
}
