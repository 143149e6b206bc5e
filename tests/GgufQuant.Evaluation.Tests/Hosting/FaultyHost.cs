using System.Text.RegularExpressions;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;

namespace GgufQuant.Evaluation.Tests.Hosting;

/// <summary>Engines in processes of the program GgufQuant.FaultyEngine.</summary>
internal static partial class FaultyHost
{
    private static readonly string s_program = Path.Combine(AppContext.BaseDirectory, "GgufQuant.FaultyEngine" + (OperatingSystem.IsWindows() ? ".exe" : ""));

    public static EngineLocation Location { get; } = new("Faulty", Path.Combine(AppContext.BaseDirectory, "GgufQuant.FaultyEngine.dll"), "natives");

    public static HostCommand Command(params string[] arguments) => new(s_program, arguments);

    public static RemoteEngine Start(params string[] arguments) => new(Command(arguments), Location);

    /// <summary>A meter of generated texts, which needs no file but the models' names.</summary>
    public static RemoteGenerationMeter Meter(RemoteEngine engine, string reference) => new(engine, reference, ["prompt"], new() { MaximumTokens = 3 });

    /// <summary>The number of the process that a line of the engine's log speaks of; null if it speaks of none.</summary>
    public static int? ProcessIn(string line) => ProcessPattern().Match(line) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan, null) : null;

    /// <summary>Waits until a process is gone.</summary>
    public static async Task<bool> IsGoneAsync(int process, TimeSpan patience)
    {
        long end = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (IsRunning(process))
        {
            if (Environment.TickCount64 > end)
                return false;
            await Task.Delay(20);
        }
        return true;
    }

    // One that has ended but that its parent has not asked about is gone too.
    private static bool IsRunning(int process)
    {
        try
        {
            using System.Diagnostics.Process found = System.Diagnostics.Process.GetProcessById(process);
            return !found.HasExited && !(OperatingSystem.IsLinux() && File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal));
        }
        catch (Exception exception) when (exception is ArgumentException or IOException or InvalidOperationException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"^process (\d+)")]
    private static partial Regex ProcessPattern();
}
