using GgufQuant.Reference;
using GgufQuant.Tests.Formats;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests;

/// <summary>Where this process compares with v0.5.0: every format, and the files of a few models, against NuGet's build of llama.cpp too.</summary>
public sealed class NuGetReferenceTests
{
    private const string Deviating = "IQ1_M";

    public static TheoryData<string[]> Selections => new()
    {
        Classes(typeof(BlockFormatTests), typeof(TailTests), typeof(Q8_KTests), typeof(HalfConversionTests), typeof(BlockValidationTests), typeof(ReferenceDeviationTests)),
        new[] { "-preEnumerateTheories", "-trait", "Model=dense", "-trait", "Model=narrow", "-trait", "Model=shapes" },
    };

    [ReferenceTheory(ReferenceKind.Npm)]
    [MemberData(nameof(Selections))]
    public async Task What_matches_one_build_matches_the_other(string[] selection)
    {
        await ChildTests.AssertPassAsync(new Dictionary<string, string?> { [ReferenceLibrary.Variable] = "NuGet" }, selection, skippable: Deviating);
    }

    private static string[] Classes(params Type[] classes) => [.. classes.SelectMany(type => new[] { "-class", type.FullName! })];
}
