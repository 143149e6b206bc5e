using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.IO.Pipes;
using System.Security.Cryptography;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>The engine process as its parent sees it: starts it, exchanges messages with it and ends it.</summary>
internal sealed class EngineProcess : IDisposable
{
    private const int SecretLength = 32;

    // Messages that may wait to be processed; beyond that the child has to wait.
    private const int MaximumWaiting = 1024;

    private static readonly TimeSpan s_exitTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_killTime = TimeSpan.FromSeconds(0.5);

    // To the dynamic linker of Linux, an empty entry is the current folder.
    private const string LibraryPath = "LD_LIBRARY_PATH";

    private readonly string _pipeName;
    private readonly byte[] _secret = RandomNumberGenerator.GetBytes(SecretLength);
    private readonly NamedPipeServerStream _pipe;
    private readonly MessageChannel _channel;
    private readonly BlockingCollection<Message> _messages = new(MaximumWaiting);
    private readonly CancellationTokenSource _ending = new();
    private readonly Process _process;
    private readonly OutputTail _output;
    private readonly OutputTail _errors;
    private readonly IDisposable? _job;
    private ProtocolException? _fault;

    private EngineProcess(HostCommand host)
    {
        _pipeName = NewPipeName();
        _pipe = new(_pipeName, PipeDirection.InOut, 1, PipeTransmissionMode.Byte, PipeOptions.Asynchronous | PipeOptions.CurrentUserOnly);
        _channel = new(_pipe);
        try
        {
            _process = Process.Start(StartInfoOf(host, _pipeName, _secret))!;
        }
        catch
        {
            _pipe.Dispose();
            throw;
        }
        _job = OperatingSystem.IsWindows() ? KillOnCloseJob.TryCreate(_process) : null;
        _process.StandardInput.Close();
        _output = new(_process.StandardOutput.BaseStream);
        _errors = new(_process.StandardError.BaseStream);
        // Otherwise a child that ends before it connects would be waited for forever.
        _process.Exited += (_, _) => StopWaiting();
        _process.EnableRaisingEvents = true;
        new Thread(Listen) { IsBackground = true, Name = "Engine messages" }.Start();
    }

    /// <summary>The process ID.</summary>
    internal int Id => _process.Id;

    /// <summary>Whether it has ended, or nothing more can come from it.</summary>
    internal bool HasEnded => _messages.IsAddingCompleted;

    /// <summary>Starts the process; it connects in the background.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The program cannot be started.</exception>
    internal static EngineProcess Start(HostCommand host) => new(host);

    /// <summary>Sends a message.</summary>
    /// <exception cref="Engines.InferenceException">It is too long.</exception>
    /// <exception cref="IOException">The process is gone.</exception>
    internal void Send(MessageKind kind, ReadOnlySpan<byte> payload) => _channel.Send(kind, payload);

    /// <summary>Waits for the next message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="silence">Maximum time to wait.</param>
    /// <param name="cancellationToken">Cancels the wait.</param>
    /// <returns>Whether a message arrived; if not, <see cref="HasEnded"/> distinguishes an ended process from a silent one.</returns>
    internal bool TryReceive(out Message message, TimeSpan silence, CancellationToken cancellationToken) =>
        _messages.TryTake(out message, (int)Math.Min(silence.TotalMilliseconds, int.MaxValue), cancellationToken);

    /// <summary>Kills the process and all its children.</summary>
    internal void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception or AggregateException)
        {
            // It has already ended, or is ending.
        }
    }

    /// <summary>How the process ended, as the predicate of a sentence about it; null while it runs.</summary>
    internal string? DescribeEnd()
    {
        if (_fault is not null)
            return $"sent an invalid message ({_fault.Message.TrimEnd('.')})";
        return _process.WaitForExit(s_exitTimeout) ? DescribeExit(_process.ExitCode) : null;
    }

    /// <summary>The last line the process printed; null if there is none.</summary>
    internal string? LastLine() => _errors.LastLine(s_exitTimeout) ?? _output.LastLine(s_exitTimeout);

    public void Dispose()
    {
        Kill();
        _ending.Cancel();
        _pipe.Dispose();
        _job?.Dispose();
        // So that files it had open can be removed. A process that takes longer to release its memory is not waited for.
        _process.WaitForExit(s_killTime);
        _process.Dispose();
    }

    // On Unix a pipe is a socket in a folder; since it is named by path, its file can be removed once both ends are connected.
    private static string NewPipeName()
    {
        string name = "ggufquant-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        return OperatingSystem.IsWindows() ? name : Path.Combine(Path.GetTempPath(), name);
    }

    private static ProcessStartInfo StartInfoOf(HostCommand host, string pipe, byte[] secret)
    {
        ProcessStartInfo info = new(host.FileName, host.Arguments)
        {
            UseShellExecute = false,
            CreateNoWindow = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // Where a library that needs another may look for it.
            WorkingDirectory = AppContext.BaseDirectory,
        };
        if (info.Environment.TryGetValue(LibraryPath, out string? folders))
            info.Environment[LibraryPath] = string.Join(Path.PathSeparator, SystemLibrary.AbsoluteEntries(folders));
        foreach ((string name, string value) in host.Environment)
            info.Environment[name] = value;
        info.Environment[EngineHost.PipeVariable] = pipe;
        info.Environment[EngineHost.SecretVariable] = Convert.ToHexString(secret);
        return info;
    }

    private static string DescribeExit(int code)
    {
        // .NET reports a signal as shells do: 128 plus its number.
        const int Abort = 128 + 6, Kill = 128 + 9, SegmentationFault = 128 + 11, BusError = 128 + 7, IllegalInstruction = 128 + 4;
        const int AccessViolation = unchecked((int)0xC0000005), FailFast = unchecked((int)0xC0000409);
        string shown = code is < 0 ? $"0x{code:X8}" : code.ToString(CultureInfo.InvariantCulture);
        return code switch
        {
            Abort or FailFast => $"aborted (exit code {shown})",
            SegmentationFault or BusError or IllegalInstruction or AccessViolation => $"crashed (exit code {shown})",
            Kill => $"was killed (exit code {shown}), as happens when memory runs out",
            _ => $"ended (exit code {shown})",
        };
    }

    private void Listen()
    {
        try
        {
            _pipe.WaitForConnectionAsync(_ending.Token).GetAwaiter().GetResult();
            if (!OperatingSystem.IsWindows())
                FileSystem.Native.Delete(_pipeName);
            Authenticate(_channel.Receive());
            while (_channel.Receive() is { } message)
                _messages.Add(message, _ending.Token);
        }
        catch (ProtocolException exception)
        {
            _fault = exception;
            Kill();
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The process is gone or is being killed.
        }
        finally
        {
            _messages.CompleteAdding();
        }
    }

    private void Authenticate(Message? first)
    {
        if (first is { Kind: MessageKind.Hello } hello && CryptographicOperations.FixedTimeEquals(hello.Payload, _secret))
            _messages.Add(hello, _ending.Token);
        else if (first is not null)
            throw new ProtocolException("It does not know the secret given to the engine process.");
    }

    private void StopWaiting()
    {
        if (!_pipe.IsConnected)
            _ending.Cancel();
    }
}
