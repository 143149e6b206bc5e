using System.Collections.Concurrent;
using System.Diagnostics;
using System.Management.Automation;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>A cmdlet whose work runs on other threads and ends within a second of Ctrl+C.</summary>
/// <remarks>
/// Only the pipeline thread may write. While the work runs, that thread waits here and shows the reported progress.
/// </remarks>
public abstract class StoppableCommand : PSCmdlet, IDisposable
{
    private const int PartsId = 1;
    private const int ProgressId = 2;
    private static readonly TimeSpan s_refresh = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<Action> _posted = new();
    private bool _isPart;

    /// <summary>Signalled when the user stops the pipeline.</summary>
    protected CancellationToken StopToken => _stop.Token;

    /// <inheritdoc/>
    protected override void StopProcessing() => _stop.Cancel();

    /// <summary>Releases the cmdlet's resources.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the cmdlet's resources.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            _stop.Dispose();
    }

    /// <summary>Writes a warning in which nothing is left for a terminal to obey.</summary>
    public new void WriteWarning(string text) => base.WriteWarning(PrintableText.Escape(text));

    /// <summary>Writes a detail in which nothing is left for a terminal to obey.</summary>
    public new void WriteVerbose(string text) => base.WriteVerbose(PrintableText.Escape(text));

    /// <summary>Runs work on another thread and shows its progress until it is done.</summary>
    /// <param name="activity">The first line of the progress display.</param>
    /// <param name="work">The work; it must observe the token.</param>
    /// <exception cref="PipelineStoppedException">The user stopped the pipeline.</exception>
    internal TResult RunInBackground<TResult>(
        string activity, Func<IProgress<WorkProgress>, CancellationToken, TResult> work)
    {
        using CancellationTokenSource cancellation = CancellationTokenSource.CreateLinkedTokenSource(StopToken);
        LatestProgress progress = new();
        RemainingTime remaining = new();
        Task<TResult> task = Task.Run(() => work(progress, cancellation.Token), CancellationToken.None);
        bool isShown = false;
        try
        {
            while (Task.WaitAny([task], s_refresh) < 0)
            {
                RunPosted();
                isShown |= ShowProgress(activity, progress.Take(), remaining);
            }
        }
        finally
        {
            // However the wait ended, nothing may still be running when the cmdlet returns.
            cancellation.Cancel();
            Task.WaitAny(task);
        }
        RunPosted();
        if (isShown)
            WriteProgress(new(ProgressId, activity, " ") { ParentActivityId = ParentId, RecordType = ProgressRecordType.Completed });
        if (StopToken.IsCancellationRequested)
        {
            // The result was produced before cancellation was observed; dispose it.
            if (task.IsCompletedSuccessfully)
                (task.Result as IDisposable)?.Dispose();
            throw new PipelineStoppedException();
        }
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Shows which part of several the work is that follows, until <see cref="EndParts"/>.</summary>
    /// <param name="activity">What is being done.</param>
    /// <param name="part">The part, in a word.</param>
    /// <param name="number">Its number, from 1.</param>
    /// <param name="count">How many there are.</param>
    private protected void ShowPart(string activity, string part, int number, int count)
    {
        _isPart = true;
        WriteProgress(new(PartsId, activity, $"{part}, {number} of {count}") { PercentComplete = 100 * (number - 1) / count });
    }

    /// <summary>Ends what <see cref="ShowPart"/> shows.</summary>
    private protected void EndParts()
    {
        if (_isPart)
            WriteProgress(new(PartsId, " ", " ") { RecordType = ProgressRecordType.Completed });
        _isPart = false;
    }

    /// <summary>Makes the pipeline thread write something, from another thread.</summary>
    internal void Post(Action write) => _posted.Enqueue(write);

    private void RunPosted()
    {
        while (_posted.TryDequeue(out Action? write))
            write();
    }

    // Above the progress of the work, where there is more of it to come.
    private int ParentId => _isPart ? PartsId : -1;

    private bool ShowProgress(string activity, WorkProgress? latest, RemainingTime remaining)
    {
        if (latest is null)
            return false;
        WriteProgress(new(ProgressId, PrintableText.Escape(activity), PrintableText.Escape(latest.Status))
        {
            PercentComplete = (int)Math.Clamp(100 * latest.Share, 0, 100),
            ParentActivityId = ParentId,
            SecondsRemaining = latest.Remaining is not null && remaining.At(Stopwatch.GetElapsedTime(0), latest.Share) is TimeSpan left
                ? (int)Math.Min(Math.Ceiling(left.TotalSeconds), int.MaxValue)
                : -1,
        });
        return true;
    }

    private sealed class LatestProgress : IProgress<WorkProgress>
    {
        private WorkProgress? _latest;

        public void Report(WorkProgress value) => Volatile.Write(ref _latest, value);

        internal WorkProgress? Take() => Interlocked.Exchange(ref _latest, null);
    }
}
