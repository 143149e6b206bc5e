namespace GgufQuant.Benchmarks;

/// <summary>All tables in one Markdown document.</summary>
internal static class Report
{
    /// <summary>Measures everything, in about an hour on two cores, and writes the document once it is complete.</summary>
    /// <param name="path">The document.</param>
    /// <param name="folder">A folder for large files.</param>
    public static void Write(string path, string folder)
    {
        using EchoingWriter text = new() { NewLine = "\n" };
        text.WriteLine("# Benchmarks");
        text.WriteLine();
        text.WriteLine("Written by `build.ps1 -Task Benchmark`. The reference is llama.cpp v0.5.0, in prebuilt x86-64 libraries.");
        text.WriteLine();
        text.WriteLine(MachineDescription.Get());
        Section(text, "Kernels", """
            One thread. Ours and libggml-base alternate in turns of about 40 ms on the same Gaussian weights, in rows of 4,096: up to 256
            rows to quantize, 32 to dequantize. Medians of 31 turns. A bound is what the instructions of a search alone would
            reach, if the core did nothing else and its vector units never waited; their peak is measured with multiply-adds.
            """);
        RatioTable.Write(text, _ => true);
        Section(text, "Whole files", $"""
            A llama model of 1.1 billion parameters, quantized from and to {Describe(folder)}, by as many threads as there are
            cores: `{Environment.ProcessorCount}`. Each file is quantized in a separate process. Ours has converted the sample five times before,
            since a first conversion has a table of its own, and is the median of three runs; the reference is one run. IQ2_XS has a
            generated importance matrix. Q8_0 and unchanged files must take at most 1.1 times as long as `File.Copy`, alternating
            with it, in medians of seven. The cores' share is processor time, including the system's, over elapsed time and cores.
            Memory is the peak resident size.
            """);
        FileTable.Write(text, folder, _ => true);
        Section(text, "Hugging Face folders", """
            The same model as a folder of BF16 weights, in one safetensors file. It is converted to a GGUF file of its weights as they are,
            which must reach 0.8 of the speed of `File.Copy`, and quantized at once, which may take 5% longer than from that GGUF
            file. Medians of five, alternating.
            """);
        FolderTable.Write(text, folder);
        Section(text, "Several types", $"""
            The same model in F16, quantized from and to {Describe(Path.GetTempPath())}: all types in one pass over the source, and each
            by a process of its own, one after the other. Before each of these processes the system's cache of files is dropped, as if the
            model did not fit the memory; where that is not allowed, the source is cached. One run.
            """);
        TypesTable.Write(text, Path.GetTempPath(), TypesTable.Published);
        WriteRounding(text, folder);
        Section(text, "Evaluation", """
            The held-out text, in chunks of 256 tokens: perplexity of a model in F16 and KL divergence of its Q4_K_M, without PowerShell.
            Statistics are all that is not done by the engine: softmax, divergence, percentiles. Medians of five.
            """);
        EvaluationTable.Write(text, folder);
        Section(text, "Start", "Medians of five fresh processes.");
        StartTable.Write(text);
        Section(text, "The first conversion", """
            The sample model, converted by ConvertTo-Quantized in a fresh process: the first time, and the median of five later times. The
            first compiles the code and builds the grids' tables. Medians of five processes. Types that need an importance matrix have a
            generated one.
            """);
        FirstConversionTable.Write(text, _ => true);
        File.WriteAllText(path, text.ToString());
    }

    /// <summary>Measures rounding with calibrations, in some minutes on two cores.</summary>
    /// <param name="text">Receives the section.</param>
    /// <param name="folder">A folder for large files.</param>
    public static void WriteRounding(TextWriter text, string folder)
    {
        Section(text, "Calibrated rounding", """
            64 rows of 4,096 Gaussian weights, rounded with the moments of synthetic inputs by one thread; medians of five turns, in
            processor time. Multiply-adds are those of feeding errors forward, of the descent's start and of the codes it changes; the
            search for scales and codes comes on top. The core's peak is measured in turns with each. Memory is the peak
            resident size on the model of 1.1 billion parameters, for moments what collecting adds to it, with two layers rounded.
            """);
        RoundingTable.WriteAll(text, folder);
    }

    private static void Section(TextWriter text, string heading, string how)
    {
        text.WriteLine();
        text.WriteLine($"## {heading}");
        text.WriteLine();
        text.WriteLine(how);
        text.WriteLine();
    }

    private static string Describe(string folder) =>
        new DriveInfo(folder) is { DriveFormat: "tmpfs" } ? "a RAM disk" : "a disk";
}
