using System.IO.Pipes;
using GgufQuant.Evaluation.Hosting;

namespace GgufQuant.FaultyEngine;

/// <summary>The program that runs as an engine process, as a stranger's process, or as the parent of one.</summary>
internal static class Program
{
    private const string Pipe = "GGUFQUANT_ENGINE_PIPE";
    private const string Secret = "GGUFQUANT_ENGINE_SECRET";

    private static int Main(string[] arguments) => arguments switch
    {
        [] => EngineHost.Run(),
        ["exit"] => ExitAtOnce(),
        ["stranger"] => RunWithWrongSecret(),
        ["oversized"] => SendOversizedMessage(),
        ["parent", string model] => RunModel(model),
        _ => 1,
    };

    private static int ExitAtOnce()
    {
        Console.Error.WriteLine("It does not start.");
        return 3;
    }

    private static int RunWithWrongSecret()
    {
        Environment.SetEnvironmentVariable(Secret, new string('0', 64));
        return EngineHost.Run();
    }

    private static int SendOversizedMessage()
    {
        using NamedPipeClientStream stream = new(".", Environment.GetEnvironmentVariable(Pipe)!, PipeDirection.InOut, PipeOptions.CurrentUserOnly);
        stream.Connect(10_000);
        byte[] secret = Convert.FromHexString(Environment.GetEnvironmentVariable(Secret)!);
        stream.Write([(byte)secret.Length, 0, 0, 0, 1, .. secret]);
        stream.Write([255, 255, 255, 127, 7]);
        stream.ReadByte();
        return 0;
    }

    private static int RunModel(string model)
    {
        string assembly = typeof(Program).Assembly.Location;
        using RemoteEngine engine = new(new(Environment.ProcessPath!, []), new("Faulty", assembly, "natives"));
        engine.Log = (_, line) => Console.WriteLine(line);
        new RemoteGenerationMeter(engine, model, ["prompt"], new()).MeasureReference();
        return 0;
    }
}
