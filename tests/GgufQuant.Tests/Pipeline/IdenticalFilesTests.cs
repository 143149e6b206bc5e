using System.Text;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Reference;
using GgufQuant.Tests.Planning;

namespace GgufQuant.Tests.Pipeline;

/// <summary>The table in the documents of what <see cref="QuantizerTests"/> proves.</summary>
public sealed class IdenticalFilesTests(TestModels models) : IClassFixture<TestModels>
{
    private const string Update = "GGUFQUANT_UPDATE_DOCS";
    private static readonly string s_path = Repository.PathOf("docs", "identical-files.md");

    [Fact]
    public void The_table_of_identical_files_is_up_to_date()
    {
        string table = Table();
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(s_path)!);
            File.WriteAllText(s_path, table);
        }
        Assert.True(File.Exists(s_path) && File.ReadAllText(s_path).ReplaceLineEndings("\n") == table, $"'{s_path}' is out of date: run this test with {Update}=1.");
    }

    private string Table()
    {
        HashSet<(string, FileType)> proved = [.. QuantizerTests.ModelsAndTypes.Select(row => row.Data)];
        string[] names = [.. proved.Select(cell => cell.Item1).Distinct().OrderBy(name => TestModel.Names.ToList().IndexOf(name))];
        StringBuilder text = new();
        text.Append("# Files that match llama.cpp byte for byte\n\n");
        text.Append("Every cell is a test (`QuantizerTests`): a model of that shape is quantized here and by `llama_model_quantize` of llama.cpp v0.5.0,\n");
        text.Append("without an importance matrix and with one, and the whole files are compared: metadata, order, padding and every block.\n\n");
        text.Append("- **=** identical without a matrix and with one\n");
        text.Append("- **m** identical with a matrix; without one both reject the type, naming the same tensor\n");
        text.Append("- **–** rejected by both: rows of this model suit neither q1_0 nor its fallback type\n\n");
        text.Append("\"Byte for byte\" refers to llama.cpp's generic x86-64 build, which rounds after every multiplication. Builds that fuse\n");
        text.Append("a·b+c, as compilers for ARM do by default and others with `-march=native`, write other bytes than it, and than GgufQuant does\n");
        text.Append("on any processor: `SampleDigestTests` and `KernelDigestTests` compare with committed SHA-256s wherever they run.\n\n");
        text.Append("One case differs from llama.cpp: for a model with a `general.alignment` other than 32, llama.cpp keeps that key\n");
        text.Append("but aligns the tensors to 32, and so cannot read its own file; here they are aligned as the key says.\n\n");
        text.Append("NVFP4 is not a file type that llama.cpp quantizes to; single tensors can have it. This table is written by\n");
        text.Append($"`IdenticalFilesTests` with `{Update}=1`, which fails when it is out of date.\n\n");
        text.Append($"| | {string.Join(" | ", names)} |\n|---|{string.Concat(Enumerable.Repeat(":-:|", names.Length))}\n");
        foreach (FileType type in Enum.GetValues<FileType>().Where(type => type != FileType.NVFP4))
            text.Append($"| {type} | {string.Join(" | ", names.Select(name => proved.Contains((name, type)) ? Cell(name, type) : "–"))} |\n");
        text.Append("\n## The llama.cpp that LLamaSharp packages\n\n");
        text.Append("v0.5.0 comes from npm, for Linux x64. Elsewhere, and without npm, the same tests compare with the libraries in the NuGet\n");
        text.Append($"package {ReferenceBuild.NuGet.Name} (ggml {ReferenceBuild.NuGet.GgmlVersion}, llama.cpp 815a2a591); with both present, the blocks of every type and the files of\n");
        text.Append("dense, narrow and shapes are compared with both. They differ in four points, on which v0.5.0 decides (`ReferenceDeviationTests`):\n\n");
        text.Append("- IQ1_M: v0.5.0 searches the scales differently. With importance, 2 of 64 blocks of Gaussian weights differ, and most sparse ones.\n");
        text.Append($"- Rows that are not whole blocks of 32 (ragged): LLamaSharp's rejects {string.Join(", ", ReferenceBuild.TypesWithoutFallback)};\n");
        text.Append("  v0.5.0 keeps such tensors in F16.\n");
        text.Append("- Pruned layers: in LLamaSharp's, a layer that takes another's number gets the other's weights.\n");
        text.Append("- Damaged headers: LLamaSharp's crashes the process on some that v0.5.0 rejects.\n\n");
        text.Append("Only its libraries for Linux x64 have been compared. Those for ARM64 fuse multiplications with additions, which rounds differently:\n");
        text.Append("there the byte comparisons are skipped.\n");
        return text.ToString();
    }

    private string Cell(string name, FileType type)
    {
        using GgufFile model = GgufFile.Open(models.PathOf(name));
        return QuantizerTests.NeedsImportance(model, type) is null ? "=" : "m";
    }
}
