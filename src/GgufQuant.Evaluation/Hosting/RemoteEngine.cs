using System.Buffers.Binary;
using System.ComponentModel;
using System.Globalization;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>An engine in a separate process, so that no model can crash this one.</summary>
/// <remarks>
/// The process is started on first use, and again after it has ended. Each request contains everything a fresh process
/// needs, so callers do not notice. Operations run one at a time.
/// </remarks>
public sealed class RemoteEngine : IDisposable
{
    private static readonly TimeSpan s_longestCall = TimeSpan.FromDays(1);
    private static readonly TimeSpan s_releaseTime = TimeSpan.FromSeconds(10);

    private readonly HostCommand _host;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _disposing = new();
    private EngineProcess? _process;
    private string? _name;
    private string? _lastLog;
    private Task _releasing = Task.CompletedTask;

    /// <summary>Creates the engine; no process is started yet.</summary>
    /// <param name="host">The program that runs as the engine process.</param>
    /// <param name="location">The engine.</param>
    public RemoteEngine(HostCommand host, EngineLocation location)
    {
        _host = host;
        Location = location;
    }

    /// <summary>The default of <see cref="Silence"/>.</summary>
    public static TimeSpan DefaultSilence { get; } = TimeSpan.FromSeconds(60);

    /// <summary>The engine's files.</summary>
    public EngineLocation Location { get; }

    /// <summary>How long the engine may give no sign of life (progress, a log line, a step of an evaluation) before its process is killed.</summary>
    public TimeSpan Silence { get; set; } = DefaultSilence;

    /// <summary>Receives the engine's log on the thread that runs an operation; null to drop it.</summary>
    public Action<LlamaLogLevel, string>? Log { get; set; }

    /// <summary>Whether its process is running.</summary>
    internal bool IsRunning => ProcessId is not null;

    /// <summary>The process ID; null while no process is running.</summary>
    internal int? ProcessId => _process is { HasEnded: false } process ? process.Id : null;

    /// <summary>Starts the process and the engine in the background, so that the first operation need not wait for them.</summary>
    public void StartInBackground() => Task.Run(() =>
    {
        try
        {
            InTurn(_ => _name, _disposing.Token);
        }
        catch (Exception exception) when (exception is InferenceException or OperationCanceledException or ObjectDisposedException)
        {
            // The first operation fails the same way and reports it.
        }
    });

    /// <summary>Starts the engine if it is not started yet.</summary>
    /// <returns>Its name and version.</returns>
    /// <exception cref="EngineMissingException">The process or the engine cannot be started.</exception>
    /// <exception cref="EngineVersionException">The engine's libraries are the wrong version.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public string Start(CancellationToken cancellationToken = default) => InTurn(_ => _name!, cancellationToken);

    /// <summary>Asks the library what memory it would take for a model on the processor; nothing is allocated.</summary>
    /// <param name="run">The model, and how it would be run.</param>
    /// <param name="cancellationToken">Cancels by ending the engine process.</param>
    /// <exception cref="EngineStoppedException">The process ended or fell silent.</exception>
    /// <exception cref="InferenceException">The library cannot load or run the model, or cannot report its memory.</exception>
    public MeasuredMemory MeasureMemory(MeasuredRun run, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(run);
        return Run(Operations.MeasureMemory.Operation, run, run.Path, progress: null, cancellationToken);
    }

    /// <summary>Frees the process's models in the background; a process that does not respond is killed.</summary>
    public void ReleaseInBackground()
    {
        Log = null;
        _releasing = Task.Run(() =>
        {
            try
            {
                InTurn(process => Call(process, ReleaseModels.Operation, new(), path: null, progress: null, s_releaseTime, _disposing.Token), _disposing.Token);
            }
            catch (Exception exception) when (exception is InferenceException or OperationCanceledException or ObjectDisposedException)
            {
                End();
            }
        });
    }

    /// <summary>Kills the process.</summary>
    public void Dispose()
    {
        _disposing.Cancel();
        End();
    }

    /// <summary>Runs an operation in the process.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="request">Its request.</param>
    /// <param name="path">The model's file, to name if the process ends before it reports what it loads.</param>
    /// <param name="progress">Receives progress on this thread: of loading models, then of the operation.</param>
    /// <param name="cancellationToken">Cancels by ending the engine process.</param>
    /// <exception cref="EngineStoppedException">The process ended or fell silent.</exception>
    /// <exception cref="InferenceException">The operation failed.</exception>
    internal TResult Run<TRequest, TResult>(
        Operation<TRequest, TResult> operation,
        TRequest request,
        string path,
        IProgress<WorkProgress>? progress,
        CancellationToken cancellationToken)
    {
        _releasing.Wait(cancellationToken);
        return InTurn(process => Call(process, operation, request, path, progress, Silence, cancellationToken), cancellationToken);
    }

    private T InTurn<T>(Func<EngineProcess, T> work, CancellationToken cancellationToken)
    {
        _turn.Wait(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(_disposing.IsCancellationRequested, this);
            return work(Started(cancellationToken));
        }
        catch (Exception exception) when (exception is OperationCanceledException or EngineStoppedException)
        {
            End();
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    private EngineProcess Started(CancellationToken cancellationToken)
    {
        if (_process is { HasEnded: true })
            End();
        EngineProcess process = _process ??= StartProcess();
        if (_name is not null)
            return process;
        if (!process.TryReceive(out _, Silence, cancellationToken))
        {
            EngineMissingException exception = new(
                $"The engine process did not start: '{_host.FileName}' {EndOf(process) ?? "gave no answer"}.{LastWords(process)}");
            End();
            throw exception;
        }
        _name = Call(process, StartEngine.Operation, Location, path: null, progress: null, Silence, cancellationToken).Name;
        return process;
    }

    private EngineProcess StartProcess()
    {
        _lastLog = null;
        try
        {
            return EngineProcess.Start(_host);
        }
        catch (Exception exception) when (exception is Win32Exception or IOException or UnauthorizedAccessException)
        {
            throw new EngineMissingException($"The engine process cannot be started from '{_host.FileName}': {exception.Message}", exception);
        }
    }

    private TResult Call<TRequest, TResult>(
        EngineProcess process,
        Operation<TRequest, TResult> operation,
        TRequest request,
        string? path,
        IProgress<WorkProgress>? progress,
        TimeSpan silence,
        CancellationToken cancellationToken)
    {
        try
        {
            process.Send(MessageKind.Request, OperationTable.Encode(operation, request));
            TimeSpan longCall = TimeSpan.Zero;
            while (process.TryReceive(out Message message, silence + longCall, cancellationToken))
            {
                longCall = TimeSpan.Zero;
                switch (message.Kind)
                {
                    case MessageKind.Result:
                        return HostJson.Read(message.Payload, operation.Result);
                    case MessageKind.Failure:
                        throw HostJson.Read(message.Payload, HostJson.Default.Failure).ToException();
                    case MessageKind.Progress:
                        progress?.Report(HostJson.Read(message.Payload, HostJson.Default.WorkProgress));
                        break;
                    case MessageKind.Loading:
                        ModelLoading model = HostJson.Read(message.Payload, HostJson.Default.ModelLoading);
                        path = model.Path;
                        progress?.Report(new($"Loading {Path.GetFileName(path)}", model.Share));
                        break;
                    case MessageKind.Log:
                        LogLine line = HostJson.Read(message.Payload, HostJson.Default.LogLine);
                        _lastLog = line.Text;
                        Log?.Invoke(line.Level, line.Text);
                        break;
                    case MessageKind.Heartbeat:
                        break;
                    case MessageKind.LongCall:
                        longCall = ReadLongCall(message.Payload);
                        break;
                    default:
                        throw new ProtocolException($"A message of kind {message.Kind} is not valid for the parent.");
                }
            }
            throw Stopped(process, path, EndOf(process));
        }
        catch (ProtocolException exception)
        {
            throw Stopped(process, path, $"sent an invalid message ({exception.Message.TrimEnd('.')})");
        }
        catch (IOException) when (process.HasEnded)
        {
            throw Stopped(process, path, EndOf(process));
        }
    }

    private static TimeSpan ReadLongCall(ReadOnlySpan<byte> payload) =>
        payload.Length == sizeof(long) && BinaryPrimitives.ReadInt64LittleEndian(payload) is long extra && extra >= 0 && extra <= s_longestCall.TotalMilliseconds
            ? TimeSpan.FromMilliseconds(extra)
            : throw new ProtocolException("A call's time is out of range.");

    private static string? EndOf(EngineProcess process) => process.HasEnded ? process.DescribeEnd() ?? "closed its connection" : null;

    private InferenceException Stopped(EngineProcess process, string? path, string? end)
    {
        string what = path is null ? "while starting the engine" : $"while running '{path}'";
        string how = end ?? string.Create(CultureInfo.InvariantCulture, $"gave no sign of life for {Silence.TotalSeconds:0.#} seconds");
        string message = $"The engine process {how} {what}.{LastWords(process)}";
        return path is null ? new EngineMissingException(message) : new EngineStoppedException(path, message, wasSilent: end is null);
    }

    private string LastWords(EngineProcess process)
    {
        // Its output ends with the process.
        process.Kill();
        return (process.LastLine() ?? _lastLog) is { } line ? $" Its last output was: {line}" : "";
    }

    private void End()
    {
        _name = null;
        Interlocked.Exchange(ref _process, null)?.Dispose();
    }
}
