using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text.Json;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>The engine process: runs operations for its parent until the parent is gone.</summary>
public static class EngineHost
{
    /// <summary>The environment variable with the name of the pipe to the parent.</summary>
    internal const string PipeVariable = "GGUFQUANT_ENGINE_PIPE";

    /// <summary>The environment variable with the secret, hexadecimal, that authenticates the child to its parent.</summary>
    internal const string SecretVariable = "GGUFQUANT_ENGINE_SECRET";

    private const int NoParent = 64;
    private const int InvalidMessage = 65;

    // The parent listens before it starts this process, so it answers at once or is gone.
    private static readonly TimeSpan s_connectTime = TimeSpan.FromSeconds(2);

    /// <summary>Connects to the process that started this one and serves it; ends when that process does.</summary>
    /// <returns>The exit code.</returns>
    public static int Run()
    {
        if (TakeVariable(PipeVariable) is not { } pipe || TakeVariable(SecretVariable) is not { } secret)
        {
            Console.Error.WriteLine("The engine process is started by the cmdlets that run models.");
            return NoParent;
        }
        // A terminal sends Ctrl+C to all its processes; the parent decides what it means here.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using NamedPipeClientStream stream = new(".", pipe, PipeDirection.InOut, PipeOptions.Asynchronous | PipeOptions.CurrentUserOnly);
        try
        {
            stream.Connect(s_connectTime);
        }
        catch (TimeoutException)
        {
            // On Unix a pipe is a socket, and a killed parent leaves its file behind.
            if (!OperatingSystem.IsWindows())
                FileSystem.Native.Delete(pipe);
            return NoParent;
        }
        MessageChannel channel = new(stream);
        channel.Send(MessageKind.Hello, Convert.FromHexString(secret));
        BlockingCollection<Message> requests = [];
        new Thread(() => Watch(channel, requests)) { IsBackground = true, Name = "Parent watch" }.Start();
        Serve(channel, requests);
        return 0;
    }

    // Runs even while native code computes or hangs on another thread, so that no process outlives its parent.
    private static void Watch(MessageChannel channel, BlockingCollection<Message> requests)
    {
        try
        {
            while (channel.Receive() is { } message)
            {
                if (message.Kind != MessageKind.Request)
                    throw new ProtocolException($"A message of kind {message.Kind} is not valid for the engine process.");
                requests.Add(message);
            }
        }
        catch (IOException)
        {
            // The parent is gone.
        }
        catch (ProtocolException exception)
        {
            Console.Error.WriteLine(exception.Message);
            Environment.Exit(InvalidMessage);
        }
        Process.GetCurrentProcess().Kill();
    }

    private static void Serve(MessageChannel channel, BlockingCollection<Message> requests)
    {
        MessageReporter reporter = new(channel);
        HostedEngine engine = new(reporter);
        foreach (Message message in requests.GetConsumingEnumerable())
        {
            try
            {
                Operation operation = OperationTable.Decode(message.Payload, out ReadOnlySpan<byte> request);
                channel.Send(MessageKind.Result, operation.Run(engine, request, reporter));
            }
            catch (Exception exception)
            {
                // Whatever went wrong, the parent decides how to react.
                reporter.Send(MessageKind.Failure, JsonSerializer.SerializeToUtf8Bytes(Failure.Of(exception), HostJson.Default.Failure));
            }
        }
    }

    // Removed, so that no process started from here inherits it.
    private static string? TakeVariable(string name)
    {
        string? value = Environment.GetEnvironmentVariable(name);
        Environment.SetEnvironmentVariable(name, null);
        return value;
    }
}
