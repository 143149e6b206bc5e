using System.Diagnostics;
using System.Management.Automation;

namespace GgufQuant.Shell;

/// <summary>Draws running activities, a line each, below the cursor of a terminal, at most ten times a second.</summary>
/// <remarks>Not thread-safe: the caller holds its lock around every call.</remarks>
internal sealed class ProgressBar(TextWriter terminal, Func<int> width)
{
    private const int MaxLines = 4;
    private const int MaxWidth = 120;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly List<ProgressRecord> _activities = [];
    private long _drawnAt;
    private int _drawnLines;

    /// <summary>Notes a record and draws when the last drawing is old enough.</summary>
    /// <param name="record">The activity's state; a completed one disappears.</param>
    /// <param name="canDraw">Whether the cursor stands at the start of a line.</param>
    public void Update(ProgressRecord record, bool canDraw)
    {
        int index = _activities.FindIndex(activity => activity.ActivityId == record.ActivityId);
        bool completed = record.RecordType == ProgressRecordType.Completed;
        if (completed && index >= 0)
            _activities.RemoveAt(index);
        else if (index >= 0)
            _activities[index] = record;
        else if (!completed)
            _activities.Add(record);

        if (canDraw && (completed || _drawnAt == 0 || Stopwatch.GetElapsedTime(_drawnAt) >= s_interval))
            Draw();
    }

    /// <summary>Takes the drawn lines off the screen; the next update draws them again.</summary>
    public void Erase()
    {
        if (_drawnLines == 0)
            return;
        // Up to the first line, then clear to the end of the screen.
        terminal.Write($"\r{(_drawnLines > 1 ? $"\e[{_drawnLines - 1}A" : "")}\e[J");
        _drawnLines = 0;
    }

    /// <summary>Erases and forgets every activity.</summary>
    public void Clear()
    {
        Erase();
        _activities.Clear();
        _drawnAt = 0;
    }

    private void Draw()
    {
        Erase();
        // The last column stays free, or the terminal would wrap.
        int columns = Math.Min(width() - 1, MaxWidth);
        string[] lines = [.. _activities.Take(MaxLines).Select(activity => ProgressLine.Render(activity, columns))];
        terminal.Write(string.Join("\r\n", lines));
        terminal.Flush();
        _drawnLines = lines.Length;
        _drawnAt = Stopwatch.GetTimestamp();
    }
}
