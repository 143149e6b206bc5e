using System.Security.Cryptography;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Pipeline;

/// <summary>The sample model in every type has the committed SHA-256 on every platform, whether or not llama.cpp's library is there to compare with.</summary>
/// <remarks>The digests are renewed with <c>GGUFQUANT_UPDATE_GOLDEN=1</c>, and only of files that llama.cpp v0.5.0 writes too.</remarks>
public sealed class SampleDigestTests : IDisposable
{
    // Stands in the metadata, so it is the same everywhere.
    private const string MatrixName = "importance.gguf";
    private const string None = "-";

    private static readonly string s_path = Repository.PathOf("tests", "GgufQuant.Tests", "Pipeline", "sample-digests.txt");
    private static readonly FileType[] s_types = [.. Enum.GetValues<FileType>().Where(type => type != FileType.NVFP4)];

    private readonly TemporaryFolder _folder = new();
    private readonly GgufFile _source = GgufFile.Open(Sample.Model);

    public static TheoryData<FileType> Types => [.. s_types];

    public void Dispose()
    {
        _source.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void The_sample_has_the_committed_digest(FileType type)
    {
        string[] digests = Golden.Read(s_path)[$"{type}"];
        Assert.Equal(digests, Digests(type, isCompared: false));
    }

    [ReferenceFact(ReferenceKind.Npm)]
    public void The_digests_are_of_files_that_llama_writes()
    {
        if (Golden.IsUpdated)
        {
            Golden.Write(
                s_path, "SHA-256 of the sample model in each type, without and with TestImatrix; - where it needs one.",
                s_types.Select(type => $"{type} {string.Join(' ', Digests(type, isCompared: true))}"));
        }
        Assert.Equal(s_types.Select(type => $"{type}"), Golden.Read(s_path).Keys);
    }

    private string[] Digests(FileType type, bool isCompared)
    {
        TestImatrix importance = TestImatrix.For(_source);
        string matrixPath = _folder.File(MatrixName);
        importance.WriteGguf(matrixPath);
        ImatrixFile read = ImatrixFile.Open(matrixPath, TestContext.Current.CancellationToken);
        ImatrixFile matrix = new(MatrixName, read.IsLegacy, read.Entries, read.Datasets, read.ChunkCount, read.ChunkSize);
        string without = QuantizerTests.NeedsImportance(_source, type) is null ? Digest(type, new(), isCompared ? new() : null) : None;
        ReferenceQuantizerOptions options = new()
        {
            ImportanceMatrix = importance.Means(),
            Overrides =
            [
                ("quantize.imatrix.file", MatrixName), ("quantize.imatrix.dataset", matrix.Datasets[0]),
                ("quantize.imatrix.entries_count", (long)matrix.Entries.Count), ("quantize.imatrix.chunks_count", (long)matrix.ChunkCount),
            ],
        };
        return [without, Digest(type, new() { Imatrix = matrix }, isCompared ? options : null)];
    }

    private string Digest(FileType type, QuantizationOptions options, ReferenceQuantizerOptions? reference)
    {
        string path = _folder.File("quantized.gguf");
        new Quantizer().Run(QuantizationPlan.Create(_source, type, options), path, overwrite: true, progress: null, TestContext.Current.CancellationToken);
        string digest = DigestOf(path);
        if (reference is not null)
        {
            string expected = _folder.File("reference.gguf");
            ReferenceQuantizer.Quantize(Sample.Model, expected, type, reference with { Threads = 2 });
            Assert.Equal(DigestOf(expected), digest);
        }
        return digest;
    }

    private static string DigestOf(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
