using System.Diagnostics;
using System.Text.RegularExpressions;

namespace GgufQuant.Gpu.Tests;

/// <summary>The committed PTX: what it must not contain, and that clang makes the same from the sources.</summary>
public partial class PtxTests
{
    public static TheoryData<string> Files => [.. KernelSource.Files];

    // The oldest card the kernels are made for and the newest the assembler knows, and what differs most between them.
    public static TheoryData<string, string> Cards => new(
        from file in KernelSource.Files
        from card in (string[])["sm_50", "sm_61", "sm_75", "sm_86", "sm_90"]
        select (file, card));

    [Theory]
    [MemberData(nameof(Files))]
    public void No_float_is_fused_flushed_or_approximated(string file)
    {
        string ptx = KernelSource.Ptx(file);
        Assert.DoesNotMatch(@"\b(fma|mad)\.[a-z.]*f(16|32|64)\b", ptx);
        Assert.DoesNotMatch(@"\.(ftz|approx|full|sat)\b", ptx);
        Assert.DoesNotMatch(@"\.f64\b", ptx);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_float_operation_names_its_rounding(string file)
    {
        string[] operations = [.. KernelSource.Ptx(file).Split('\n').Where(line => FloatOperation.IsMatch(line))];
        Assert.NotEmpty(operations);
        Assert.All(operations, line => Assert.Matches(@"\b(add|sub|mul|div|rcp|sqrt|cvt)\.rn\.f32\b", line));
    }

    [Fact]
    public void Every_kernel_exists_and_calls_nothing_else()
    {
        foreach (KernelPlan plan in KernelPlan.Types.Select(type => KernelPlan.Find(type)!))
        {
            string ptx = KernelSource.Ptx(plan.File);
            foreach (Kernel kernel in plan.Launches(weights: 1024).Select(launch => launch.Kernel).Append(plan.SumSquares))
                Assert.Contains($".visible .entry {kernel.Name}(", ptx);
            Assert.DoesNotMatch(@"(?m)^\s*(\.extern|call)\b", ptx);
        }
    }

    [Fact]
    public async Task Clang_reproduces_it()
    {
        Assert.SkipUnless(
            (await OutputAsync("clang", "--version"))?.Contains("clang version 14.") == true,
            "The committed PTX is that of clang 14: install clang-14 as clang.");
        string script = Repository.PathOf("src", "GgufQuant.Gpu", "Kernels", "make-ptx.sh");
        using TemporaryFolder folder = new();
        Assert.NotNull(await OutputAsync("bash", script, folder.Path));
        Assert.Equal(KernelSource.Files.Select(file => $"{file}.ptx").Order(), folder.Files.Select(Path.GetFileName).Order());
        foreach (string file in KernelSource.Files)
        {
            string made = await File.ReadAllTextAsync(folder.File($"{file}.ptx"), TestContext.Current.CancellationToken);
            Assert.Equal(KernelSource.Ptx(file), made);
        }
    }

    [Theory]
    [MemberData(nameof(Cards))]
    public async Task Nvidias_assembler_takes_it_and_spills_no_register(string file, string card)
    {
        using TemporaryFolder folder = new();
        string ptx = folder.File("kernels.ptx");
        await File.WriteAllTextAsync(ptx, KernelSource.Ptx(file), TestContext.Current.CancellationToken);
        string? report = await OutputAsync("ptxas", "-v", $"-arch={card}", ptx, "-o", folder.File("kernels.cubin"));
        Assert.SkipWhen(report is null, "NVIDIA's assembler, ptxas, is not installed: it is in nvidia-cuda-toolkit.");
        Assert.Contains("0 bytes spill stores", report);
        Assert.DoesNotMatch(@"\b[1-9]\d* bytes spill", report);
    }

    [GeneratedRegex(@"\b(add|sub|mul|div|rcp|sqrt|cvt)\.[a-z.]*f32\b.*;")]
    private static partial Regex FloatOperation { get; }

    // What a program writes, null if it is not installed; it must succeed.
    private static async Task<string?> OutputAsync(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await errors;
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(process.ExitCode == 0, output);
            return output;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
