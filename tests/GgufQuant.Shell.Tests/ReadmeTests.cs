using System.Text.RegularExpressions;

namespace GgufQuant.Shell.Tests;

/// <summary>README's PowerShell: every block is checked, and those under a mark are run.</summary>
public sealed partial class ReadmeTests
{
    private const string RunMark = "<!-- run -->";

    private static readonly string s_readme = File.ReadAllText(Repository.PathOf("README.md"));

    [Fact]
    public void Every_block_parses_and_its_parameters_exist()
    {
        using TemporaryFolder folder = new();
        string script = folder.Write("blocks.ps1", string.Join('\n', Blocks.Select(block => block.Text)));
        ShellResult result = ShellProcess.Run("-Command", $$"""
            $errors = $null
            $tree = [Management.Automation.Language.Parser]::ParseFile('{{script}}', [ref] $null, [ref] $errors)
            foreach ($problem in $errors) { "$($problem.Extent.Text): $($problem.Message)" }
            foreach ($command in $tree.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true))
            {
                $known = Get-Command $command.GetCommandName() -Module GgufQuant -ErrorAction Ignore
                if (-not $known) { continue }
                "used $($known.Name)"
                $binding = [Management.Automation.Language.StaticParameterBinder]::BindCommand($command)
                foreach ($problem in $binding.BindingExceptions.Values) { "$($command.Extent.Text): $($problem.BindingException.Message)" }
            }
            """);
        Assert.Equal("", result.Error);
        Assert.DoesNotContain(result.Lines, line => !line.StartsWith("used ", StringComparison.Ordinal));

        ShellResult cmdlets = ShellProcess.Run("-Command", "(Get-Module GgufQuant).ExportedCmdlets.Keys");
        Assert.Equal(cmdlets.Lines.Order(), result.Lines.Select(line => line["used ".Length..]).Distinct().Order());
    }

    [Fact]
    public void The_marked_blocks_run()
    {
        using TemporaryFolder folder = new();
        File.Copy(Repository.SampleModel, folder.PathOf("model-f16.gguf"));
        Assert.Contains(Blocks, block => block.Runs);
        string script = folder.Write("run.ps1", "$ErrorActionPreference = 'Stop'\n" + string.Join('\n', Blocks.Where(block => block.Runs).Select(block => block.Text)));
        ShellResult result = ShellProcess.RunIn(folder.Path, "", script);
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.ExitCode);
    }

    [Fact]
    public void The_comparison_is_what_the_quickstart_prints()
    {
        using TemporaryFolder folder = new();
        ShellResult result = ShellProcess.RunWith("TMPDIR", folder.Path, Repository.PathOf("samples", "quickstart.ps1"));
        Assert.Equal("", result.Error);
        string table = result.Output[result.Output.IndexOf("   Reference: ", StringComparison.Ordinal)..];
        Assert.Equal(9, Lines(table).Count());
        Assert.All(Lines(table), line => Assert.Contains(line, Lines(s_readme)));
    }

    [Fact]
    public void The_table_of_types_is_what_the_command_above_it_prints()
    {
        string command = Blocks.Single(block => block.Text.StartsWith("Get-QuantType | Where-Object Name -in", StringComparison.Ordinal)).Text;
        ShellResult result = ShellProcess.Run("-Command", command);
        Assert.Equal(7, Lines(result.Output).Count());
        Assert.All(Lines(result.Output), line => Assert.Contains(line, Lines(s_readme)));
    }

    private static IReadOnlyList<(bool Runs, string Text)> Blocks { get; } =
        [.. BlockPattern.Matches(s_readme).Select(match => (match.Groups["mark"].Value == RunMark, match.Groups["text"].Value))];

    private static IEnumerable<string> Lines(string text) =>
        text.Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0);

    [GeneratedRegex(@"(?<mark><!-- run -->)?\r?\n```powershell\r?\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex BlockPattern { get; }
}
