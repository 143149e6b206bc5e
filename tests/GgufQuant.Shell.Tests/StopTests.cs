namespace GgufQuant.Shell.Tests;

/// <summary>Ctrl+C, and a request to terminate, as a terminal and an operating system send them.</summary>
public sealed class StopTests
{
    private const int Interrupt = 2;
    private const int Terminate = 15;
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    public StopTests() =>
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent with Linux's 'kill' and 'env'.");

    [Theory]
    [InlineData(Interrupt, 130)]
    [InlineData(Terminate, 143)]
    public void A_signal_stops_a_script_and_lets_it_clean_up(int signal, int exitCode) => AssertStopsInTime(() =>
    {
        using TemporaryFolder folder = new();
        string script = folder.Write("wait.ps1", """
            param([string] $Folder)
            try { [IO.File]::WriteAllText("$Folder/started", ''); while ($true) { [Threading.Thread]::Sleep(20) } }
            finally { [IO.File]::WriteAllText("$Folder/cleaned", '') }
            """);
        using ShellProcess shell = ShellProcess.Start(script, folder.Path);
        WaitFor(() => File.Exists(folder.PathOf("started")));
        (ShellResult result, TimeSpan elapsed) = shell.Signal(signal);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains("cleaned", folder.FileNames);
        return elapsed;
    });

    [Fact]
    public void Ctrl_C_leaves_no_partial_file() => AssertStopsInTime(() =>
    {
        using TemporaryFolder folder = new();
        SparseModel.Write(folder.PathOf("large.gguf"), 4096, 1 << 18);
        using ShellProcess shell = ShellProcess.Start(
            "-Command", $"ConvertTo-Quantized '{folder.PathOf("large.gguf")}' -Type Q4_K_M, Q5_K_M, Q6_K -Threads 1");
        WaitFor(() => folder.FileNames.Count > 1);
        (ShellResult result, TimeSpan elapsed) = shell.Signal(Interrupt);
        Assert.Equal(130, result.ExitCode);
        Assert.Equal(["large.gguf"], folder.FileNames);
        return elapsed;
    });

    /// <summary>The end must come within a second. A machine that is busy with other tests gets three tries at it.</summary>
    private static void AssertStopsInTime(Func<TimeSpan> stop)
    {
        TimeSpan elapsed = stop();
        for (int tries = 1; elapsed > s_second && tries < 3; tries++)
            elapsed = stop();
        Assert.InRange(elapsed, TimeSpan.Zero, s_second);
    }

    private static void WaitFor(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromMinutes(1)), "The script did not get to work.");
}
