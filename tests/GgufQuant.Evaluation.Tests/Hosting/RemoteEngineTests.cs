using System.Diagnostics;
using System.IO.Pipes;
using System.Net.Sockets;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tests.Hosting;

/// <summary>The engine process, with an engine that aborts, hangs or is killed on demand.</summary>
public sealed class RemoteEngineTests
{
    private static readonly TimeSpan s_exitTimeout = TimeSpan.FromSeconds(5);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void The_engine_reports_its_name()
    {
        using RemoteEngine engine = FaultyHost.Start();

        Assert.Equal("faulty v1.2.3", engine.Start(Token));
    }

    [Fact]
    public void Texts_are_those_of_the_engine_in_this_process()
    {
        using RemoteEngine remote = FaultyHost.Start();
        GenerationMeter meter = new(PackagedEngine.Start(FaultyHost.Location), "reference.gguf", ["prompt"], new() { MaximumTokens = 3 });

        GenerationComparison expected = Assert.Single(meter.Measure("candidate.gguf", null, Token));
        GenerationComparison actual = Assert.Single(FaultyHost.Meter(remote, "reference.gguf").Measure("candidate.gguf", cancellationToken: Token));

        Assert.Equal(expected.Candidate.Tokens, actual.Candidate.Tokens);
        Assert.Equal(expected.Reference.Text, actual.Reference.Text);
        Assert.Equal(expected.AgreeingTokens, actual.AgreeingTokens);
    }

    [Fact]
    public void Measurements_are_those_of_the_engine_in_this_process()
    {
        using TemporaryFolder folder = new();
        string corpus = folder.File("corpus.txt");
        File.WriteAllText(corpus, string.Concat(Enumerable.Range(0, 100)));
        QualityOptions options = new() { Threads = 1 };
        using RemoteEngine remote = FaultyHost.Start();
        RemoteQualityMeter remoteMeter = new(remote, "reference.gguf", corpus, options);
        using QualityMeter meter = new(PackagedEngine.Start(FaultyHost.Location), "reference.gguf", CorpusChunks.ReadText(corpus), options);
        Collector progress = new();

        PerplexityResult reference = remoteMeter.MeasureReference(progress, Token);
        KlDivergenceResult candidate = remoteMeter.Measure("candidate.gguf", progress, Token);

        Assert.Equal(meter.MeasureReference(null, Token).Perplexity, reference.Perplexity);
        Assert.Equal(meter.Measure("candidate.gguf", null, Token) with { Duration = candidate.Duration }, candidate);
        WorkProgress[] loading = [.. progress.Values.Where(value => value.Status.StartsWith("Loading ", StringComparison.Ordinal))];
        Assert.Equal(2 * reference.Chunks, progress.Values.Count - loading.Length);
        Assert.Equal(["Loading reference.gguf", "Loading candidate.gguf"], loading.Select(value => value.Status).Distinct());
        Assert.Equal((0, 1), (loading[0].Share, loading[^1].Share));
    }

    [Theory]
    [InlineData("rejected", typeof(ModelLoadException))]
    [InlineData("unknown", typeof(UnknownArchitectureException))]
    [InlineData("mute", typeof(MissingVocabularyException))]
    [InlineData("candidate-other", typeof(VocabularyMismatchException))]
    [InlineData("gone", typeof(FileNotFoundException))]
    [InlineData("locked", typeof(UnauthorizedAccessException))]
    [InlineData("broken", typeof(InferenceException))]
    public void An_error_is_rethrown_with_its_type_and_the_process_stays(string model, Type type)
    {
        using RemoteEngine engine = FaultyHost.Start();
        RemoteGenerationMeter meter = FaultyHost.Meter(engine, "reference.gguf");
        meter.MeasureReference(cancellationToken: Token);
        int? process = engine.ProcessId;

        Assert.Throws(type, () => meter.Measure(model + ".gguf", cancellationToken: Token));

        Assert.Equal(process, engine.ProcessId);
        Assert.Single(meter.Measure("candidate.gguf", cancellationToken: Token));
    }

    [Theory]
    [InlineData("abort-load")]
    [InlineData("abort-tokenize")]
    [InlineData("abort-evaluate")]
    [InlineData("kill-load")]
    [InlineData("kill-evaluate")]
    public void A_model_that_crashes_the_process_is_one_error_that_names_it(string model)
    {
        using RemoteEngine engine = FaultyHost.Start();
        RemoteGenerationMeter meter = FaultyHost.Meter(engine, "reference.gguf");
        meter.MeasureReference(cancellationToken: Token);
        int process = engine.ProcessId!.Value;

        EngineStoppedException exception = Assert.Throws<EngineStoppedException>(() => meter.Measure(model + ".gguf", cancellationToken: Token));

        Assert.False(exception.WasSilent);
        Assert.Equal(model + ".gguf", exception.Path);
        Assert.Contains($"'{model}.gguf'", exception.Message, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
            Assert.Contains(model.StartsWith("abort", StringComparison.Ordinal) ? "aborted (exit code 134)" : "killed (exit code 137)", exception.Message, StringComparison.Ordinal);
        string said = model.StartsWith("abort", StringComparison.Ordinal) ? "GGML_ASSERT(n_tokens > 0) failed" : $"process {process} loads {model}.gguf";
        Assert.EndsWith(said, exception.Message, StringComparison.Ordinal);
        Assert.Single(meter.Measure("candidate.gguf", cancellationToken: Token));
        Assert.NotEqual(process, engine.ProcessId);
    }

    [Theory]
    [InlineData("hang-load")]
    [InlineData("hang-tokenize")]
    [InlineData("hang-evaluate")]
    public async Task A_model_that_hangs_is_one_error_that_names_it(string model)
    {
        using RemoteEngine engine = FaultyHost.Start();
        RemoteGenerationMeter meter = FaultyHost.Meter(engine, "reference.gguf");
        meter.MeasureReference(cancellationToken: Token);
        int process = engine.ProcessId!.Value;
        engine.Silence = TimeSpan.FromSeconds(2);

        EngineStoppedException exception = Assert.Throws<EngineStoppedException>(() => meter.Measure(model + ".gguf", cancellationToken: Token));

        engine.Silence = RemoteEngine.DefaultSilence;
        Assert.Contains("no sign of life for 2 seconds", exception.Message, StringComparison.Ordinal);
        Assert.True(exception.WasSilent);
        Assert.Equal(model + ".gguf", exception.Path);
        Assert.True(await FaultyHost.IsGoneAsync(process, s_exitTimeout));
        Assert.Single(meter.Measure("candidate.gguf", cancellationToken: Token));
    }

    [Theory]
    [InlineData("slow-load")]
    [InlineData("slow-evaluate")]
    public void A_model_that_is_slow_is_waited_for(string model)
    {
        using RemoteEngine engine = FaultyHost.Start();
        engine.Start(Token);
        engine.Silence = TimeSpan.FromSeconds(3);

        Assert.Single(FaultyHost.Meter(engine, model + ".gguf").MeasureReference(cancellationToken: Token));
    }

    // Tokenizing reports nothing and takes five seconds here.
    [Theory]
    [InlineData(1_000, true)]
    [InlineData(1_000_000, false)]
    public void A_long_text_gets_more_time_for_tokenization(int length, bool isTooSlow)
    {
        using TemporaryFolder folder = new();
        string corpus = folder.File("corpus.txt");
        File.WriteAllText(corpus, new string('x', length));
        using RemoteEngine engine = FaultyHost.Start();
        engine.Start(Token);
        engine.Silence = TimeSpan.FromSeconds(3);
        RemoteQualityMeter meter = new(engine, "slow-tokenize.gguf", corpus, new() { Threads = 1, Chunks = 1 });

        if (isTooSlow)
            Assert.True(Assert.Throws<EngineStoppedException>(() => meter.MeasureReference(cancellationToken: Token)).WasSilent);
        else
            Assert.Equal(1, meter.MeasureReference(cancellationToken: Token).Chunks);
    }

    [Fact]
    public void The_model_at_fault_is_named_whether_reference_or_candidate()
    {
        using RemoteEngine engine = FaultyHost.Start();

        EngineStoppedException exception = Assert.Throws<EngineStoppedException>(
            () => FaultyHost.Meter(engine, "abort-load.gguf").Measure("candidate.gguf", cancellationToken: Token));

        Assert.Equal("abort-load.gguf", exception.Path);
    }

    [Fact]
    public async Task Cancelling_ends_the_process_within_a_second()
    {
        using RemoteEngine engine = FaultyHost.Start();
        engine.Start(Token);
        int process = engine.ProcessId!.Value;
        using CancellationTokenSource source = new();
        engine.Log = (_, _) => source.CancelAfter(100);
        Stopwatch watch = Stopwatch.StartNew();

        Assert.ThrowsAny<OperationCanceledException>(() => FaultyHost.Meter(engine, "hang-evaluate.gguf").MeasureReference(cancellationToken: source.Token));

        Assert.InRange(watch.ElapsedMilliseconds, 0, 1100);
        Assert.True(await FaultyHost.IsGoneAsync(process, s_exitTimeout));
    }

    [Fact]
    public async Task A_parent_that_is_killed_leaves_no_process_behind()
    {
        HostCommand command = FaultyHost.Command("parent", "hang-evaluate.gguf");
        using Process parent = Process.Start(new ProcessStartInfo(command.FileName, command.Arguments) { RedirectStandardOutput = true })!;
        int? child = null;
        while (child is null && await parent.StandardOutput.ReadLineAsync(Token) is { } line)
            child = FaultyHost.ProcessIn(line);

        parent.Kill();

        Assert.True(await FaultyHost.IsGoneAsync(child!.Value, s_exitTimeout));
    }

    [Fact]
    public void A_process_that_ended_while_idle_is_restarted()
    {
        using RemoteEngine engine = FaultyHost.Start();
        engine.Start(Token);
        using (Process process = Process.GetProcessById(engine.ProcessId!.Value))
        {
            process.Kill();
            process.WaitForExit();
        }
        SpinWait.SpinUntil(() => engine.ProcessId is null, s_exitTimeout);

        Assert.Single(FaultyHost.Meter(engine, "reference.gguf").MeasureReference(cancellationToken: Token));
    }

    [Fact]
    public void An_engine_that_does_not_start_is_named()
    {
        using RemoteEngine engine = new(FaultyHost.Command(), FaultyHost.Location with { NativesFolder = "" });
        Assert.Equal("There is no folder of libraries.", Assert.Throws<EngineMissingException>(() => engine.Start(Token)).Message);
    }

    [Fact]
    public void A_program_that_does_not_start_is_named()
    {
        using RemoteEngine missing = new(new("/none/such/program", []), FaultyHost.Location);
        Assert.Contains("/none/such/program", Assert.Throws<EngineMissingException>(() => missing.Start(Token)).Message, StringComparison.Ordinal);
        using RemoteEngine brief = FaultyHost.Start("exit");
        string message = Assert.Throws<EngineMissingException>(() => brief.Start(Token)).Message;
        Assert.Contains("ended (exit code 3)", message, StringComparison.Ordinal);
        Assert.EndsWith("It does not start.", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stranger_on_the_pipe_is_rejected()
    {
        using RemoteEngine engine = FaultyHost.Start("stranger");
        Assert.Contains("secret", Assert.Throws<EngineMissingException>(() => engine.Start(Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_oversized_message_ends_the_process()
    {
        using RemoteEngine engine = FaultyHost.Start("oversized");
        Assert.Contains("2147483647 bytes", Assert.Throws<EngineMissingException>(() => engine.Start(Token)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("FFFFFF7F02", "2147483647 bytes")]
    [InlineData("0000000001", "kind Hello")]
    [InlineData("0000000063", "kind 99")]
    public async Task The_process_ends_with_a_clear_error_on_what_is_not_a_request(string bytes, string cause)
    {
        string pipe = Path.Combine(Path.GetTempPath(), $"gq-{Guid.NewGuid():N}"[..20]);
        if (OperatingSystem.IsWindows())
            pipe = Path.GetFileName(pipe);
        using NamedPipeServerStream stream = new(pipe, PipeDirection.InOut, 1, PipeTransmissionMode.Byte, PipeOptions.Asynchronous);
        ProcessStartInfo info = new(FaultyHost.Command().FileName) { RedirectStandardError = true };
        info.Environment["GGUFQUANT_ENGINE_PIPE"] = pipe;
        info.Environment["GGUFQUANT_ENGINE_SECRET"] = "ABCD";
        using Process process = Process.Start(info)!;
        await stream.WaitForConnectionAsync(Token);
        byte[] hello = new byte[7];
        await stream.ReadExactlyAsync(hello, Token);
        Assert.Equal([2, 0, 0, 0, 1, 0xAB, 0xCD], hello);

        await stream.WriteAsync(Convert.FromHexString(bytes), Token);

        Assert.Contains(cause, await process.StandardError.ReadToEndAsync(Token), StringComparison.Ordinal);
        await process.WaitForExitAsync(Token);
        Assert.Equal(65, process.ExitCode);
    }

    [Fact]
    public void A_host_without_a_parent_says_so()
    {
        using Process process = Process.Start(new ProcessStartInfo(FaultyHost.Command().FileName) { RedirectStandardError = true })!;
        Assert.Contains("started by", process.StandardError.ReadToEnd(), StringComparison.Ordinal);
        process.WaitForExit();
        Assert.Equal(64, process.ExitCode);
    }

    [Fact]
    public void The_socket_of_a_parent_that_is_gone_is_removed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Pipes are not files there.");
        using TemporaryFolder folder = new();
        string pipe = folder.File("socket");
        using (Socket parent = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            parent.Bind(new UnixDomainSocketEndPoint(pipe));
            File.Move(pipe, pipe + "-kept");
        }
        File.Move(pipe + "-kept", pipe);
        ProcessStartInfo info = new(FaultyHost.Command().FileName);
        info.Environment["GGUFQUANT_ENGINE_PIPE"] = pipe;
        info.Environment["GGUFQUANT_ENGINE_SECRET"] = "ABCD";

        using Process process = Process.Start(info)!;
        process.WaitForExit();

        Assert.Equal(64, process.ExitCode);
        Assert.False(File.Exists(pipe));
    }

    [Fact]
    public async Task Returned_engines_are_reused_and_can_be_cleared()
    {
        RemoteEnginePool pool = new();
        RemoteEngine engine = pool.Rent(FaultyHost.Command(), FaultyHost.Location);
        FaultyHost.Meter(engine, "reference.gguf").MeasureReference(cancellationToken: Token);
        int process = engine.ProcessId!.Value;
        pool.Return(engine);

        RemoteEngine again = pool.Rent(FaultyHost.Command(), FaultyHost.Location);
        RemoteEngine other = pool.Rent(FaultyHost.Command(), FaultyHost.Location);
        FaultyHost.Meter(again, "reference.gguf").MeasureReference(cancellationToken: Token);
        Assert.Equal(process, again.ProcessId);
        Assert.NotSame(again, other);

        pool.Return(again);
        pool.Return(other);
        pool.Clear();
        Assert.True(await FaultyHost.IsGoneAsync(process, s_exitTimeout));
    }

    [Fact]
    public void Records_of_predictions_are_those_of_the_engine_in_this_process()
    {
        using TemporaryFolder folder = new();
        string corpus = folder.File("corpus.txt");
        File.WriteAllText(corpus, string.Concat(Enumerable.Range(0, 100)));
        QualityOptions options = new() { Threads = 1, KeepRecords = true };
        using RemoteEngine remote = FaultyHost.Start();
        using QualityMeter meter = new(PackagedEngine.Start(FaultyHost.Location), "reference.gguf", CorpusChunks.ReadText(corpus), options);

        KlDivergenceResult actual = new RemoteQualityMeter(remote, "reference.gguf", corpus, options).Measure("candidate.gguf", null, Token);

        Assert.Equal(meter.Measure("candidate.gguf", null, Token).Records!.Value.ToArray(), actual.Records!.Value.ToArray());
    }

    [Fact]
    public void An_unfinished_logits_file_is_removed()
    {
        using TemporaryFolder folder = new();
        string corpus = folder.File("corpus.txt");
        File.WriteAllText(corpus, string.Concat(Enumerable.Range(0, 100)));
        string reference = folder.File("abort-evaluate.gguf");
        File.Copy(Sample.Model, reference);
        using RemoteEngine engine = FaultyHost.Start();
        QualityOptions options = new() { Threads = 1, LogitsFile = folder.File("logits") };

        Assert.Throws<EngineStoppedException>(
            () => new RemoteQualityMeter(engine, reference, corpus, options).MeasureReference(cancellationToken: Token));

        Assert.Equal([reference, corpus], Directory.GetFiles(Path.GetDirectoryName(corpus)!).Order(StringComparer.Ordinal));
    }
}
