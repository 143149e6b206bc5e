using System.Text.RegularExpressions;

namespace GgufQuant.Tests.IO;

public sealed partial class RegularFileTests
{
    // Files that the program itself has written, in its own folder or after a check of what is there, and the kernel's.
    private static readonly string[] s_own =
    [
        "AtomicFile.cs", "GgufMetadataEditor.cs", "RegularFile.cs", "ResumeJournal.cs", "ReuseRecord.cs", "EnginePackage.cs", "WindowsFileSystem.cs",
        "CollectMoments.cs", "ImatrixSumsFile.cs", "RemoteMomentCollector.cs", "RemoteQualityMeter.cs", "ConvertToQuantizedCommand.cs",
        "WriterId.cs",
    ];

    [Fact]
    public void Files_of_others_are_opened_in_one_place()
    {
        string source = Repository.PathOf("src");
        string[] others =
        [
            .. from file in Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
               where !s_own.Contains(Path.GetFileName(file)) && !Generated().IsMatch(file) && Opening().IsMatch(File.ReadAllText(file))
               select Path.GetRelativePath(source, file),
        ];
        Assert.Empty(others);
    }

    [GeneratedRegex(@"\bFile\.(Open\w*|Read\w+)\(|new FileStream\(|FileStream \w+ = new\(|new StreamReader\(\w*[pP]ath")]
    private static partial Regex Opening();

    [GeneratedRegex(@"[\\/](bin|obj)[\\/]")]
    private static partial Regex Generated();
}
