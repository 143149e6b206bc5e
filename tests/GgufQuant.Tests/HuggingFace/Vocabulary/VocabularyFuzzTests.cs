using System.Diagnostics;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

/// <summary>Tokenizer files with damage everywhere: each gives keys or one of the documented exceptions, soon and in little memory.</summary>
public sealed class VocabularyFuzzTests
{
    private const int Mutations = 6_000;

    private static readonly string[] s_models =
        ["llama3_bpe", "qwen2", "llama_hf_json", "gemma4", "llama2_spm", "phi3_longrope", "bert", "nomic_bert_moe", "glm4moe", "granite_hybrid", "deepseek3_fp8"];

    [Fact]
    public void Every_outcome_is_keys_or_a_documented_exception()
    {
        int read = 0;
        int rejected = 0;
        string slowest = "";
        TimeSpan longest = default;
        Lock gate = new();
        Parallel.For(0, Mutations, i =>
        {
            Random random = new(i);
            GoldenModel golden = new(s_models[i % s_models.Length]);
            using TemporaryModel model = new();
            model.Copy(golden.Folder, name => name.EndsWith(".json", StringComparison.Ordinal) || name == "tokenizer.model");
            string[] files = [.. model.Files.Where(name => name is "tokenizer.json" or "tokenizer_config.json" or "tokenizer.model" or "config.json" or "added_tokens.json")];
            string file = files[random.Next(files.Length)];
            byte[] bytes = File.ReadAllBytes(model.PathOf(file));
            model.Write(file, file.EndsWith(".json", StringComparison.Ordinal) && random.Next(3) > 0 ? Damage.Json(bytes, random) : Damage.Bytes(bytes, random));

            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            bool isRead = IsRead(model, random.Next(4) == 0 ? null : golden.PreTokenizer ?? "x", out int count);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            Assert.True(allocated < (32 << 20) + (count * 1000L), $"Mutation {i} allocated {allocated} bytes for {count} tokens.");
            lock (gate)
            {
                _ = isRead ? read++ : rejected++;
                if (elapsed > longest)
                    (longest, slowest) = (elapsed, $"mutation {i} of {file}");
            }
        });
        TestContext.Current.TestOutputHelper?.WriteLine($"{read} read, {rejected} rejected, the slowest took {longest.TotalMilliseconds:F0} ms: {slowest}");
        Assert.InRange(read, Mutations / 10, Mutations * 9 / 10);

        // A regular expression may take two seconds before it is given up.
        Assert.True(longest < TimeSpan.FromSeconds(30), $"{slowest} took {longest}.");
    }

    private static bool IsRead(TemporaryModel model, string? preTokenizer, out int count)
    {
        count = 0;
        try
        {
            using ModelFolder folder = model.Open();
            VocabularyKeys keys = new VocabularyReader(folder, new() { PreTokenizer = preTokenizer }).Read(GoldenModel.KindOf(folder.Config));
            count = keys.TokenCount!.Value;
            return true;
        }
        catch (Exception exception) when (exception is ModelFolderException or UnknownPreTokenizerException)
        {
            return false;
        }
    }
}
