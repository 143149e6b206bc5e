using System.Diagnostics;
using System.Globalization;

namespace GgufQuant.Benchmarks;

/// <summary>Runs this program again, for measurements in a fresh process.</summary>
internal static class ChildProcess
{
    /// <summary>Runs it to completion.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="variables">Environment variables that it has besides this process's.</param>
    /// <returns>Its output without final white space.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message is its error output.</exception>
    public static string Run(IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? variables = null)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // If the program was started by 'dotnet', the process is 'dotnet'.
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in variables ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Trim() : throw new InvalidOperationException(errors.Result);
    }

    /// <summary>Runs it to completion, and reads the numbers that it prints.</summary>
    /// <inheritdoc cref="Run" path="/param"/>
    /// <inheritdoc cref="Run" path="/exception"/>
    public static double[] Measure(IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? variables = null) =>
        [.. Run(arguments, variables).Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
}
