using System.Diagnostics;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;
using GgufQuant.Tests.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>Models with damaged configurations and weights: each is read whole or gives a documented exception, soon.</summary>
public sealed class HuggingFaceModelFuzzTests
{
    private const int Mutations = 1_200;

    [Fact]
    public void Every_outcome_is_a_model_or_a_documented_exception()
    {
        string[] names = [.. GoldenCase.Names];
        int read = 0;
        TimeSpan longest = default;
        Lock gate = new();
        Parallel.For(0, Mutations, i =>
        {
            Random random = new(i);
            string name = names[i % names.Length];
            using TemporaryModel model = new();
            model.Copy(new GoldenModel(name).Folder);
            string[] files = ["config.json", "config.json", .. model.Files.Where(file => file.EndsWith(".safetensors", StringComparison.Ordinal) || file is "generation_config.json" or "README.md" or "model.safetensors.index.json")];
            string damaged = files[random.Next(files.Length)];
            byte[] bytes = File.ReadAllBytes(model.PathOf(damaged));
            model.Write(damaged, damaged.EndsWith(".json", StringComparison.Ordinal) ? Damage.Json(bytes, random) : Damage.Bytes(bytes, random));

            long started = Stopwatch.GetTimestamp();
            bool usesDefaults = random.Next(2) == 0;
            bool isTolerant = random.Next(4) == 0;
            bool isRead = IsRead(model, isTolerant ? null : new GoldenModel(name).PreTokenizer ?? "x", usesDefaults, isTolerant);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
            lock (gate)
            {
                read += isRead ? 1 : 0;
                longest = elapsed > longest ? elapsed : longest;
            }
        });
        Assert.InRange(read, Mutations / 10, Mutations * 9 / 10);
        Assert.True(longest < TimeSpan.FromSeconds(20), $"A model took {longest}.");
    }

    private static bool IsRead(TemporaryModel folder, string? preTokenizer, bool usesDefaults, bool isTolerant)
    {
        try
        {
            ConversionOptions options = new() { PreTokenizer = preTokenizer, UsesDefaults = usesDefaults };
            using HuggingFaceModel model = isTolerant ? HuggingFaceModel.OpenTolerant(folder.FullName, options) : HuggingFaceModel.Open(folder.FullName, options);
            foreach (GgufTensor tensor in model.File.Tensors)
                model.File.Read(tensor, 0, new byte[tensor.ByteCount]);
            return true;
        }
        catch (Exception exception) when (exception is ModelFolderException or UnknownPreTokenizerException or IOException)
        {
            return false;
        }
    }
}
