using System.Reflection;

namespace GgufQuant.Shell.Tests;

/// <summary>Where the checkout keeps what the tests run.</summary>
internal static class Repository
{
    internal static string Root { get; } = Metadata("RepositoryRoot");

    /// <summary>The configuration that these tests, and with them the Shell, were built in.</summary>
    internal static string Configuration { get; } = Metadata("Configuration");

    internal static string Manifest { get; } = PathOf("GgufQuant.psd1");

    internal static string SampleModel { get; } = PathOf("samples", "novels-6m-f16.gguf");

    internal static string Shell { get; } =
        PathOf("src", "GgufQuant.Shell", "bin", Configuration, "net10.0", "GgufQuant.Shell.dll");

    internal static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string Metadata(string key) =>
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == key).Value!;
}
