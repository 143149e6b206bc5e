using System.Text.RegularExpressions;

namespace GgufQuant.Tests;

/// <summary>The folders of the source depend one way, and the namespaces say so.</summary>
public sealed partial class FolderOrderTests
{
    // A namespace may use lower layers and itself, but no sibling.
    private static readonly string[][] s_layers =
    [
        ["IO", "Simd"],
        ["Formats"],
        ["Gguf"],
        ["Catalog"],
        ["Models"],
        ["HuggingFace", "Hub"],
        ["Imatrix"],
        ["Calibration"],
        ["Planning"],
        ["Allocation"],
        ["Pipeline"],
        ["Checks", "Comparison"],
        ["Advice"],
        ["Gpu", "Evaluation"],
        ["LLamaSharp"],
        ["Commands"],
    ];

    private static string Source => Repository.PathOf("src");

    [Fact]
    public void No_folder_uses_one_that_depends_on_it()
    {
        string[] reversed =
        [
            .. from file in Files(Source)
               let text = File.ReadAllText(file)
               where Namespace().IsMatch(text)
               let user = Namespace().Match(text).Groups["name"].Value
               from Match used in Using().Matches(text)
               let name = used.Groups["name"].Value
               where name != user && LayerOf(name) >= LayerOf(user)
               select $"{Path.GetRelativePath(Source, file)}: {user} uses {name}",
        ];
        Assert.Empty(reversed);
    }

    [Fact]
    public void The_core_names_each_namespace_after_its_folder()
    {
        string core = Path.Combine(Source, "GgufQuant");
        string[] strays =
        [
            .. from file in Files(core)
               let folders = Path.GetRelativePath(core, Path.GetDirectoryName(file)!).Split(Path.DirectorySeparatorChar)
               where Namespace().Match(File.ReadAllText(file)).Value is var line
                   && line != $"namespace GgufQuant.{folders[0]};" && line != $"namespace GgufQuant.{string.Join('.', folders)};"
               select file,
        ];
        Assert.Empty(strays);
    }

    [Fact]
    public void No_global_using_hides_what_a_file_depends_on() =>
        Assert.DoesNotContain(Files(Source), file => File.ReadAllText(file).Contains("global using"));

    private static IEnumerable<string> Files(string folder)
    {
        string[] files =
        [
            .. Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
                .Where(file => !GeneratedFolder().IsMatch(Path.GetRelativePath(Source, file))),
        ];
        Assert.NotEmpty(files);
        return files;
    }

    private static int LayerOf(string name)
    {
        int layer = Array.FindIndex(s_layers, names => names.Contains(name));
        Assert.True(layer >= 0, $"The namespace GgufQuant.{name} has no layer: give it one here.");
        return layer;
    }

    [GeneratedRegex(@"^namespace GgufQuant\.(?<name>\w+)[\w.]*;", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^using (static |\w+ = )?GgufQuant\.(?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"[\\/](bin|obj)[\\/]")]
    private static partial Regex GeneratedFolder();
}
