namespace GgufQuant.Shell.Tests;

/// <summary>What only shows on a terminal. The pseudo-terminal comes from util-linux's 'script'.</summary>
public sealed class TerminalTests
{
    private const string Progress = """
        foreach ($percent in 0..10)
        {
            $record = [Management.Automation.ProgressRecord]::new(1, 'Counting', "step $percent")
            $record.PercentComplete = $percent * 10
            $Host.UI.WriteProgress(1, $record)
            [Threading.Thread]::Sleep(120)
        }
        """;

    public TerminalTests() =>
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/script"), "It takes the 'script' program of util-linux to give a pseudo-terminal.");

    [Fact]
    public void Colour_shows_on_a_terminal()
    {
        Assert.Contains("\e[31", ShellProcess.RunOnTerminal("", "-Command", "throw 'It broke.'").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void No_colour_is_respected()
    {
        string output = ShellProcess.RunOnTerminal("NO_COLOR=1", "-Command", "Get-QuantType Q8_0; throw 'It broke.'").Output;
        Assert.Contains("It broke.", output, StringComparison.Ordinal);
        Assert.DoesNotContain("\e[3", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_is_drawn_in_place_and_taken_away()
    {
        string output = ShellProcess.RunOnTerminal("", "-Command", Progress + "'after'").Output;
        Assert.Contains("Counting [============            ]  50% step 5", output, StringComparison.Ordinal);
        Assert.EndsWith("\r\e[Jafter\r\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_is_drawn_ten_times_a_second_at_most()
    {
        string output = ShellProcess.RunOnTerminal("", "-Command", Progress.Replace("Sleep(120)", "Sleep(1)", StringComparison.Ordinal)).Output;
        Assert.Equal(1, output.Split("Counting").Length - 1);
    }

    [Fact]
    public void The_prompt_edits_completes_and_continues_lines()
    {
        // Tab completes the name; Home and a quote, End and a quote make the rest of the line text; a block takes three lines.
        string output = ShellProcess.TypeOnTerminal("Get-QuantTy", "\t\u0001'\u0005'\rif (1) {\r'in' + ' block'\r}\rexit 6\r").Output;
        Assert.Contains("\r\nGet-QuantType\r\n", output, StringComparison.Ordinal);
        Assert.Contains("\r\nin block\r\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Ctrl_C_at_the_prompt_abandons_the_line()
    {
        ShellResult result = ShellProcess.TypeOnTerminal("exit 3", "\u0003exit 8\r");
        Assert.Equal(8, result.ExitCode);
    }
}
