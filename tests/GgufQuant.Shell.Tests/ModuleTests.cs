using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace GgufQuant.Shell.Tests;

/// <summary>The module as the build staged it: manifest, files, package.</summary>
public sealed class ModuleTests
{
    [Fact]
    public void The_manifest_exports_the_cmdlets_that_the_assembly_holds()
    {
        ShellResult result = ShellProcess.Run("-Command", """
            $module = Get-Module GgufQuant
            $types = $module.NestedModules.ForEach{ $_.ImplementingAssembly.GetExportedTypes() }
            foreach ($type in $types)
            {
                $attribute = $type.GetCustomAttributes([Management.Automation.CmdletAttribute], $false)
                if ($attribute) { "class $($attribute.VerbName)-$($attribute.NounName)" }
            }
            foreach ($name in $module.ExportedCmdlets.Keys) { "class $name" }
            foreach ($name in (Test-ModuleManifest $module.Path).ExportedCmdlets.Keys) { "class $name" }
            """);
        Assert.Equal("", result.Error);
        Assert.Equal(ManifestList("CmdletsToExport").Select(name => $"class {name}").Order(), result.Lines.Distinct().Order());
        Assert.All(result.Lines.GroupBy(line => line), group => Assert.Equal(3, group.Count()));
    }

    [Fact]
    public void The_manifest_is_sound_and_all_its_files_exist()
    {
        ShellResult result = ShellProcess.Run("-Command", $"(Test-ModuleManifest '{Repository.Manifest}').Version.ToString()");
        Assert.Equal("", result.Error);
        Assert.Equal([ProjectVersion], result.Lines);
        Assert.All(ManifestList("FileList"), file => Assert.True(File.Exists(Repository.PathOf(file)), file));
    }

    [Fact]
    public void The_package_lists_every_file_of_the_module_folder()
    {
        string folder = Repository.PathOf("module");
        IEnumerable<string> files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => "module/" + Path.GetRelativePath(folder, file).Replace('\\', '/'))
            .Where(file => !file.EndsWith(".pdb", StringComparison.Ordinal) && !Regex.IsMatch(file, "^module/(native|llamasharp)/"));
        Assert.Equal(files.Order(), ManifestList("FileList").Where(file => file.StartsWith("module/", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public void The_changelog_starts_with_the_version()
    {
        string heading = File.ReadLines(Repository.PathOf("CHANGELOG.md")).First(line => line.StartsWith("## ", StringComparison.Ordinal));
        Assert.Equal($"## {ProjectVersion}", heading);
    }

    [Fact]
    public void Every_cmdlet_has_help_that_the_engine_finds()
    {
        ShellResult result = ShellProcess.Run("-Command", """
            foreach ($name in (Get-Module GgufQuant).ExportedCmdlets.Keys)
            {
                $help = Get-Help $name -Full
                if ($help.Synopsis -match "^\s*$name\s" -or @($help.examples.example).Count -lt 2) { $name }
            }
            """);
        Assert.Equal("", result.Error);
        Assert.Empty(result.Lines);
    }

    [Fact]
    public void The_engine_does_not_lend_the_module_its_own_copy()
    {
        ShellResult result = ShellProcess.Run("-Command", "(Get-Command Get-GgufInfo).ImplementingType.Assembly.Location");
        Assert.Equal([Repository.PathOf("module", "GgufQuant.Cmdlets.dll")], result.Lines);
    }

    private static string ProjectVersion { get; } =
        XDocument.Load(Repository.PathOf("Directory.Build.props")).Descendants("Version").Single().Value;

    private static IReadOnlyList<string> ManifestList(string key)
    {
        string list = Regex.Match(File.ReadAllText(Repository.Manifest), $@"^\s*{key}\s*=\s*@\((.*?)\)", RegexOptions.Multiline | RegexOptions.Singleline).Groups[1].Value;
        return [.. Regex.Matches(list, "'([^']+)'").Select(match => match.Groups[1].Value)];
    }
}
