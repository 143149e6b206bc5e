namespace GgufQuant.Shell.Tests;

public sealed class CommandLineTests
{
    private const string Script = """
        param([ValidateSet('Build', 'Test')] [string] $Task = 'Build', [switch] $Force, [string[]] $Rest)
        "$Task|$Force|$Rest"
        """;

    [Theory]
    [InlineData("exit 5", 5)]
    [InlineData("1 + 1", 0)]
    [InlineData("throw 'It broke.'", 1)]
    [InlineData("{", 1)]
    [InlineData("Get-Command No-Such", 1)]
    [InlineData("Get-Command No-Such; 'The last one counts.'", 0)]
    [InlineData("dotnet no-such-command", 1)]
    public void A_command_sets_the_exit_code(string command, int expected) =>
        Assert.Equal(expected, ShellProcess.Run("-Command", command).ExitCode);

    [Theory]
    [InlineData("'done'", 0)]
    [InlineData("exit 7", 7)]
    [InlineData("throw 'It broke.'", 1)]
    [InlineData("$ErrorActionPreference = 'Stop'; Get-Command No-Such; exit 3", 1)]
    [InlineData("try { throw 'It broke.' } catch { exit 9 }", 9)]
    public void A_script_sets_the_exit_code(string text, int expected)
    {
        using TemporaryFolder folder = new();
        Assert.Equal(expected, ShellProcess.Run(folder.Write("it's one.ps1", text)).ExitCode);
    }

    [Theory]
    [InlineData("Build|False|", new string[0])]
    [InlineData("Test|True|", new[] { "-Task", "Test", "-Force" })]
    [InlineData("Test|False|", new[] { "-Task:Test", "-Force:$false" })]
    [InlineData("Build|False|it's $x; exit 3", new[] { "-Rest", "it's $x; exit 3" })]
    [InlineData("Build|False|-x;exit 3", new[] { "-Rest", "-x;exit 3" })]
    public void A_script_gets_its_arguments_as_they_were_given(string expected, string[] arguments)
    {
        using TemporaryFolder folder = new();
        ShellResult result = ShellProcess.Run([folder.Write("arguments.ps1", Script), .. arguments]);
        Assert.Equal("", result.Error);
        Assert.Equal([expected], result.Lines);
    }

    [Fact]
    public void A_script_path_is_relative_to_the_current_folder()
    {
        using TemporaryFolder folder = new();
        folder.Write("here.ps1", "$PWD.ProviderPath");
        Assert.Equal([folder.Path], ShellProcess.RunIn(folder.Path, "", "here.ps1").Lines);
    }

    [Fact]
    public void A_missing_script_is_named()
    {
        ShellResult result = ShellProcess.Run("no-such.ps1");
        Assert.Equal(64, result.ExitCode);
        Assert.Contains("'no-such.ps1'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_option_is_refused()
    {
        ShellResult result = ShellProcess.Run("-NoProfile");
        Assert.Equal(64, result.ExitCode);
        Assert.Contains("'-NoProfile'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_that_is_not_there_is_named()
    {
        ShellResult result = ShellProcess.Run("-Module", "no-such.psd1", "-Command", "1");
        Assert.Equal(70, result.ExitCode);
        Assert.Contains("no-such.psd1", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_says_which_cmdlets_there_are()
    {
        ShellResult result = ShellProcess.Run("--help");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("engine's own cmdlets only", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Redirected_output_has_errors_apart_and_no_escape_sequences()
    {
        ShellResult result = ShellProcess.Run("-Command", "Get-QuantType Q8_0; Get-GgufInfo no-such.gguf");
        Assert.Contains("Q8_0", result.Output, StringComparison.Ordinal);
        Assert.Contains("no-such.gguf", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', result.Output + result.Error);
    }

    [Fact]
    public void A_question_that_nobody_can_answer_is_an_error()
    {
        using TemporaryFolder folder = new();
        ShellResult result = ShellProcess.Run(
            "-Command", $"ConvertTo-Quantized '{Repository.SampleModel}' -Type Q8_0 -Destination '{folder.Path}' -Confirm");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("standard input has ended", result.Error, StringComparison.Ordinal);
        Assert.Empty(folder.FileNames);
    }

    [Fact]
    public void Redirected_input_is_run_statement_by_statement()
    {
        ShellResult result = ShellProcess.RunIn(Repository.Root, "if ($true) {\n'in a block'\n}\n1 + 1\nexit 4\n");
        Assert.Equal(4, result.ExitCode);
        Assert.Equal(["in a block", "2"], result.Lines);
    }
}
