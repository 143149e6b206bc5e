using GgufQuant.Checks;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.Checks;

public sealed class ProjectorCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_key_that_every_projector_needs_is_missed()
    {
        (string Key, object Value)[] keys = Keys("mlp", "vision", blocks: 1);
        (GgufTensorInfo, byte[])[] tensors = TensorsOf("mlp", 1);
        Assert.Empty(Check(keys, tensors));
        Assert.All(keys[1..], key => Assert.NotEmpty(Check(keys.Where(other => other != key), tensors)));
    }

    [Fact]
    public void Every_tensor_that_a_type_needs_is_missed()
    {
        foreach (string type in ProjectorRules.Types)
        {
            string[] names = [.. ProjectorRules.TensorsOf(type, 2)];
            string encoder = names.Any(name => name.StartsWith("a.gen.", StringComparison.Ordinal)) ? "gen.audio" : names.Any(name => name.StartsWith("a.", StringComparison.Ordinal)) ? "audio" : "vision";
            (string, object)[] keys = Keys(type, encoder, blocks: 2);
            (GgufTensorInfo, byte[])[] tensors = TensorsOf(type, 2);
            IReadOnlyList<GgufFinding> whole = Check(keys, tensors);
            Assert.True(whole.Count == 0, $"{type}: {whole.FirstOrDefault()}");
            // A few of the many blocks' tensors stand for all.
            for (int i = 0; i < names.Length; i += Math.Max(1, names.Length / 12))
            {
                GgufFinding finding = Assert.Single(Check(keys, tensors.Where((_, other) => other != i)));
                Assert.Equal((FindingSeverity.Error, names[i]), (finding.Severity, finding.Subject));
                Assert.Equal($"The tensor is missing, and llama.cpp does not load a projector of type '{type}' without it.", finding.Message);
            }
        }
    }

    [Theory]
    [InlineData("ldpv2", "mm.model.mlp.2.bias", true)]
    [InlineData("gemma3", "mm.soft_emb_norm.weight", true)]
    [InlineData("qwen3tts_spkenc", "a.blk.3.res2.6.weight", true)]
    [InlineData("qwen3tts_spkenc", "a.blk.0.res2.0.weight", false)]
    [InlineData("gemma3nv", "v.blk.0.attn_out.weight", false)]
    [InlineData("lfm2a", "a.conv1d.6.bias", true)]
    [InlineData("lfm2a", "a.conv1d.4.bias", false)]
    [InlineData("deepseekocr", "v.sam.blk.11.mlp.lin2.weight", true)]
    public void The_rules_are_read_as_written(string type, string name, bool isNeeded) =>
        Assert.Equal(isNeeded, ProjectorRules.TensorsOf(type, 3).Contains(name));

    [Fact]
    public void A_huge_number_of_blocks_is_answered_at_once() =>
        Assert.Equal(20, Check(Keys("mlp", "vision", blocks: int.MaxValue), TensorsOf("mlp", 2)).Count);

    [Fact]
    public void One_type_may_stand_for_an_encoder_of_images_and_one_of_sound()
    {
        (string, object)[] keys = [.. Keys("qwen2.5o", "vision", 1), .. Keys("qwen2.5o", "audio", 1)[2..]];
        IEnumerable<(GgufTensorInfo, byte[])> images = TensorsOf("qwen2.5vl_merger", 1);
        Assert.Empty(Check(keys, [.. images, .. TensorsOf("qwen2a", 1)]));
        Assert.Contains(Check(keys, images), finding => finding.Subject == "mm.a.fc.weight");
    }

    private static (string Key, object Value)[] Keys(string type, string encoder, int blocks)
    {
        (string, object)[] keys =
        [
            ("general.architecture", "clip"), ("clip.projector_type", type), ($"clip.has_{encoder.Replace('.', '_')}_encoder", true), ($"clip.{encoder}.embedding_length", 8u),
            ($"clip.{encoder}.attention.head_count", 2u), ($"clip.{encoder}.feed_forward_length", 8u), ($"clip.{encoder}.block_count", (uint)blocks), ($"clip.{encoder}.projection_dim", 8u),
            ($"clip.{encoder}.attention.layer_norm_epsilon", 1e-5f),
        ];
        return encoder switch
        {
            "vision" => [.. keys, ("clip.vision.image_size", 8u), ("clip.vision.patch_size", 2u), ("clip.vision.image_mean", new float[3]), ("clip.vision.image_std", new float[3])],
            "audio" => [.. keys, ("clip.audio.num_mel_bins", 8u)],
            _ => keys,
        };
    }

    private static (GgufTensorInfo, byte[])[] TensorsOf(string type, int blocks) =>
        [.. ProjectorRules.TensorsOf(type, blocks).Select(name => new GgufTensorInfo(name, GgmlType.F32, [8])).Select(info => (info, LoaderVariants.DataFor(info)))];

    private IReadOnlyList<GgufFinding> Check(IEnumerable<(string, object)> metadata, IEnumerable<(GgufTensorInfo, byte[])> tensors)
    {
        string path = _folder.File("checked.gguf");
        File.WriteAllBytes(path, GgufBytes.Write(metadata, [.. tensors]));
        return GgufCheck.Run(path, token: TestContext.Current.CancellationToken);
    }
}
