using System.Diagnostics;
using System.Text.RegularExpressions;

namespace GgufQuant.Gpu.Tests;

/// <summary>The committed PTX: what it must not contain, and that clang makes the same from the sources.</summary>
public partial class PtxTests
{
    private static string[] Instructions => [.. KernelSource.Ptx.Split('\n').Select(line => line.Trim()).Where(line => line.EndsWith(';'))];

    [Fact]
    public void No_float_is_fused_flushed_or_approximated()
    {
        Assert.DoesNotMatch(@"\b(fma|mad)\.[a-z.]*f(16|32|64)\b", KernelSource.Ptx);
        Assert.DoesNotMatch(@"\.(ftz|approx|full|sat)\b", KernelSource.Ptx);
        Assert.DoesNotMatch(@"\.f64\b", KernelSource.Ptx);
    }

    [Fact]
    public void Every_float_operation_names_its_rounding()
    {
        string[] operations = [.. Instructions.Where(line => Regex.IsMatch(line, @"\b(add|sub|mul|div|rcp|sqrt|cvt)\.[a-z.]*f32\b"))];
        Assert.NotEmpty(operations);
        Assert.All(operations, line => Assert.Matches(@"\b(add|sub|mul|div|rcp|sqrt|cvt)\.rn\.f32\b", line));
    }

    [Fact]
    public void Every_kernel_is_there_and_nothing_else_is_called()
    {
        foreach (KernelPlan plan in KernelPlan.Types.Select(type => KernelPlan.Find(type)!))
        {
            foreach ((string kernel, _) in plan.Launches(weights: 1024))
                Assert.Contains($".visible .entry {kernel}(", KernelSource.Ptx);
        }
        Assert.Contains(".visible .entry sum_squares(", KernelSource.Ptx);
        Assert.DoesNotMatch(@"(?m)^\s*(\.extern|call)\b", KernelSource.Ptx);
    }

    [Fact]
    public async Task Clang_reproduces_it()
    {
        string output = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.ptx");
        string script = Path.Combine(TestFolders.Root, "src", "GgufQuant.Gpu", "Kernels", "make-ptx.sh");
        Assert.SkipUnless(await ClangVersionAsync() == "14", "The committed PTX is that of clang 14, which is not here.");
        try
        {
            using Process process = Process.Start("bash", [script, output]);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, process.ExitCode);
            Assert.Equal(KernelSource.Ptx, await File.ReadAllTextAsync(output, TestContext.Current.CancellationToken));
        }
        finally
        {
            File.Delete(output);
        }
    }

    [GeneratedRegex(@"clang version (\d+)\.")]
    private static partial Regex ClangVersion { get; }

    private static async Task<string?> ClangVersionAsync()
    {
        try
        {
            using Process clang = Process.Start(new ProcessStartInfo("clang", "--version") { RedirectStandardOutput = true })!;
            Match match = ClangVersion.Match(await clang.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
            return match.Success ? match.Groups[1].Value : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
