using System.Management.Automation;

namespace GgufQuant.Shell;

/// <summary>One activity as one line: name, bar, status and the time left.</summary>
internal static class ProgressLine
{
    private const int BarWidth = 24;

    /// <summary>The line, in the style of <c>$PSStyle.Progress</c>, no wider than <paramref name="columns"/>.</summary>
    public static string Render(ProgressRecord record, int columns)
    {
        string line = $"{Name(record)} {Bar(record.PercentComplete)}{Status(record)}{TimeLeft(record.SecondsRemaining)}";
        if (line.Length > columns)
            line = string.Concat(line.AsSpan(0, Math.Max(0, columns - 1)), "…");
        PSStyle style = PSStyle.Instance;
        return style.OutputRendering == OutputRendering.PlainText ? line : $"{style.Progress.Style}{line}{style.Reset}";
    }

    private static string Name(ProgressRecord record) =>
        record.ParentActivityId >= 0 ? $"  {OneLine(record.Activity)}" : OneLine(record.Activity);

    private static string Bar(int percent)
    {
        if (percent < 0)
            return "";
        int filled = Math.Clamp(percent, 0, 100) * BarWidth / 100;
        return $"[{new string('=', filled)}{new string(' ', BarWidth - filled)}] {percent,3}% ";
    }

    private static string Status(ProgressRecord record) =>
        string.Join(' ', new[] { OneLine(record.StatusDescription), OneLine(record.CurrentOperation) }.Where(text => text.Length > 0));

    private static string TimeLeft(int seconds) =>
        seconds < 0 ? "" : $" {TimeSpan.FromSeconds(seconds).ToString(seconds < 3600 ? @"m\:ss" : @"h\:mm\:ss")} left";

    private static string OneLine(string? text) => text is null ? "" : text.ReplaceLineEndings(" ").Trim();
}
