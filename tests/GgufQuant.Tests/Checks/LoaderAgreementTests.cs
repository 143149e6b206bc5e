using System.Globalization;
using GgufQuant.Checks;
using GgufQuant.HuggingFace;
using GgufQuant.Reference;
using GgufQuant.Tests.Gguf;
using GgufQuant.Tests.HuggingFace;

namespace GgufQuant.Tests.Checks;

/// <summary>
/// Test-Gguf calls sound what llama.cpp v0.5.0 loads, and nothing else: small models of every architecture as they are, and
/// models of some of them with every key and tensor changed in turn. What would end the program is known before it is loaded.
/// </summary>
/// <remarks>Some changes crash the library, so it is asked in a child process, which starts again after the file that ended it.</remarks>
public sealed class LoaderAgreementTests : IDisposable
{
    private const string Work = "GGUFQUANT_LOADER_WORK";
    private const string Crash = "The library crashed.";
    private const string Assertion = "GGML_ASSERT";
    private const int MostCrashes = 40;

    // Architecture and vocabulary of the models that are changed. The first one's changes crash the library, and the child starts again there.
    private static readonly (string Architecture, string Tokenizer)[] s_changed =
    [
        ("olmo2", "none"), ("llama", "gpt2"), ("qwen3", "gpt2"), ("qwen3moe", "llama"), ("qwen35", "llama"), ("gemma3", "llama"), ("gemma4", "gemma4"),
        ("mamba", "llama"), ("nemotron_h", "llama"), ("rwkv7", "rwkv"), ("bert", "bert"), ("t5", "t5"), ("deepseek2", "llama"), ("gpt-oss", "gpt2"), ("plamo2", "plamo2"),
        ("eagle3", "llama"), ("qwen4exp", "llama"),
    ];

    // The child process, which a crash ends without a chance to clean up, needs none.
    private readonly Lazy<TemporaryFolder> _folder = new(TemporaryFolder.InMemory);

    public void Dispose()
    {
        if (_folder.IsValueCreated)
            _folder.Value.Dispose();
    }

    [Fact]
    public async Task Models_of_every_architecture_are_sound_and_load()
    {
        Assert.SkipWhen(ReferenceLibrary.Build != ReferenceBuild.Npm, $"{ReferenceBuild.Npm.Name} is not here.");
        string[] lines = await AskAsync("every");
        Assert.Equal(LoaderRules.Architectures.Count(), lines.Length);
        Assert.All(lines, line => Assert.Equal([.. line.Split('\t')[..2], "", "", ""], line.Split('\t')));
    }

    [Fact]
    public async Task Changed_models_are_sound_where_they_load()
    {
        Assert.SkipWhen(ReferenceLibrary.Build != ReferenceBuild.Npm, $"{ReferenceBuild.Npm.Name} is not here.");
        string[] lines = await AskAsync("changed");
        Assert.InRange(lines.Length, 4000, int.MaxValue);
        Assert.Contains(lines, line => line.EndsWith(Crash, StringComparison.Ordinal));
        string[][] verdicts = [.. lines.Select(line => line.Split('\t'))];
        Assert.InRange(verdicts.Count(verdict => verdict[4].Length == 0), lines.Length / 10, lines.Length / 2);
        Assert.Empty(Disagreements(verdicts));
        string[][] ended = [.. verdicts.Where(verdict => verdict[4] == Crash || verdict[4].Contains(Assertion, StringComparison.Ordinal))];
        Assert.InRange(ended.Length, 100, lines.Length);
        Assert.DoesNotContain(ended, verdict => verdict[3].Length == 0);
        Assert.DoesNotContain(verdicts, verdict => verdict[4].Length == 0 && verdict[3].Length > 0);
    }

    /// <summary>The engine that the module runs is an older build, which ends on more.</summary>
    [Fact]
    public async Task What_would_crash_the_packaged_engine_is_known_before_it_loads_the_file()
    {
        Assert.SkipUnless(ReferenceBuild.NuGet.IsPresent, $"{ReferenceBuild.NuGet.Name} is not here.");
        string[][] verdicts = [.. (await AskAsync("changed", ReferenceBuild.NuGet)).Select(line => line.Split('\t'))];
        string[][] ended = [.. verdicts.Where(verdict => verdict[4] == Crash || verdict[4].Contains(Assertion, StringComparison.Ordinal))];
        Assert.InRange(ended.Length, 300, verdicts.Length);
        Assert.DoesNotContain(ended, verdict => verdict[3].Length == 0);
        // It reads four bytes for each of these elements of one, so beyond their end, and draft heads load but do not run.
        Assert.DoesNotContain(verdicts, verdict => verdict[4].Length == 0 && verdict[3].Length > 0
            && !verdict[1].EndsWith("is an array of UInt8", StringComparison.Ordinal) && !verdict[1].EndsWith("is an array of Boolean", StringComparison.Ordinal)
            && !verdict[3].Contains("only drafts tokens", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Converted_models_are_sound_where_they_load()
    {
        Assert.SkipWhen(ReferenceLibrary.Build != ReferenceBuild.Npm, $"{ReferenceBuild.Npm.Name} is not here.");
        string[] lines = await AskAsync("converted");
        Assert.Equal(GoldenCase.Names.Count(), lines.Length);
        string[][] verdicts = [.. lines.Select(line => line.Split('\t'))];
        // Its weights are the corner cases of F32, which the library does not look at.
        Assert.Contains("is not finite", Assert.Single(verdicts, verdict => verdict[0] == "llama_f32_edge")[2], StringComparison.Ordinal);
        Assert.Empty(Disagreements(verdicts.Where(verdict => verdict[0] != "llama_f32_edge")));
    }

    /// <summary>Runs in the child process: one line per model, what the check says first and what the library says.</summary>
    [Fact]
    public void In_the_child_process_the_library_is_asked()
    {
        string? what = Environment.GetEnvironmentVariable(Work);
        Assert.SkipWhen(what is null, "It runs in the child process of the others.");
        (string folder, string kind) = (Path.GetDirectoryName(what)!, Path.GetFileName(what));
        string results = Path.Combine(folder, "results.txt");
        HashSet<string> done = File.Exists(results) ? [.. File.ReadAllLines(results).Select(line => string.Join('\t', line.Split('\t')[..2]))] : [];
        using StreamWriter writer = new(results, append: true) { AutoFlush = true };
        foreach ((string model, string change, Func<byte[]> write) in Files(kind, folder))
        {
            string name = $"{model}\t{change}";
            if (done.Contains(name))
                continue;
            string path = Path.Combine(folder, "model.gguf");
            File.WriteAllBytes(path, write());
            IReadOnlyList<GgufFinding> findings = GgufCheck.Run(path, threads: 1, token: TestContext.Current.CancellationToken);
            writer.Write($"{name}\t{Describe(findings.FirstOrDefault(finding => finding.Severity == FindingSeverity.Error))}\t{Describe(FindFatal(path, findings))}\t");
            writer.WriteLine(ReferenceLoader.Load(path) is { } reason ? OneLine($"Not loaded: {reason}") : "");
        }
    }

    private static GgufFinding? FindFatal(string path, IReadOnlyList<GgufFinding> findings) => ReferenceLibrary.Build == ReferenceBuild.NuGet
        ? GgufCheck.FindFatal(path, TestContext.Current.CancellationToken)
        : findings.FirstOrDefault(finding => finding.EndsProgramIn.HasFlag(LlamaBuilds.Reference));

    private static string Describe(GgufFinding? finding) => finding is null ? "" : OneLine($"{finding.Subject}: {finding.Message}");

    private static IEnumerable<string> Disagreements(IEnumerable<string[]> verdicts) =>
        verdicts.Where(verdict => (verdict[2].Length == 0) != (verdict[4].Length == 0)).Select(verdict => string.Join(" | ", verdict));

    private static IEnumerable<(string Model, string Change, Func<byte[]> Write)> Files(string kind, string folder)
    {
        switch (kind)
        {
            case "every":
                foreach (string architecture in LoaderRules.Architectures.Order(StringComparer.Ordinal))
                {
                    SyntheticModel model = SyntheticModel.Grow(architecture, folder);
                    yield return (architecture, "as it is", () => GgufBytes.Write(model.Metadata, model.Tensors));
                }
                break;
            case "changed":
                foreach ((string architecture, string tokenizer) in s_changed)
                {
                    SyntheticModel model = SyntheticModel.Grow(architecture, folder, tokenizer, isRich: true);
                    foreach (LoaderVariant variant in LoaderVariants.Of(model.Metadata, model.Tensors))
                        yield return (architecture, variant.Name, () => GgufBytes.Write(variant.Metadata, variant.Tensors));
                }
                break;
            default:
                foreach (string name in GoldenCase.Names)
                {
                    string folderOfCase = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
                    yield return (name, "as it is", () => Convert(name, folderOfCase));
                }
                break;
        }
    }

    private static byte[] Convert(string name, string folder)
    {
        GoldenCase golden = new(name);
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(folder), golden.OptionsOf(golden.Labels.First()).Options with { VocabularyOnly = false });
        string path = Path.Combine(folder, "converted.gguf");
        model.Write(path, token: TestContext.Current.CancellationToken);
        return File.ReadAllBytes(path);
    }

    private Task<string[]> AskAsync(string kind) => AskAsync(kind, ReferenceBuild.Npm);

    private async Task<string[]> AskAsync(string kind, ReferenceBuild build)
    {
        Dictionary<string, string?> environment = new() { [Work] = _folder.Value.File(kind), [ReferenceLibrary.Variable] = build == ReferenceBuild.Npm ? "npm" : "NuGet" };
        string results = _folder.Value.File("results.txt");
        for (int crashes = 0; crashes <= MostCrashes; crashes++)
        {
            if (await ChildTests.RunAsync(environment, ["-class", typeof(LoaderAgreementTests).FullName!, "-method", $"*.{nameof(In_the_child_process_the_library_is_asked)}"]))
                return await File.ReadAllLinesAsync(results, TestContext.Current.CancellationToken);
            string[] lines = File.Exists(results) ? await File.ReadAllLinesAsync(results, TestContext.Current.CancellationToken) : [];
            Assert.True(lines.Length > 0 && lines[^1].EndsWith('\t'), string.Create(CultureInfo.InvariantCulture, $"The child failed after {lines.Length} files: {lines.LastOrDefault()}"));
            await File.AppendAllTextAsync(results, Crash + "\n", TestContext.Current.CancellationToken);
        }
        Assert.Fail($"The library crashed more than {MostCrashes} times.");
        return [];
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Replace('\t', ' ').Trim();
}
