using System.Reflection;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Gguf;

/// <summary>The model in the samples folder: 5.8 million weights in f16 and f32, llama architecture.</summary>
internal static class SampleModel
{
    /// <summary>The file.</summary>
    public static string Path { get; } = System.IO.Path.Combine(
        typeof(ReferenceLibrary).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == "RepositoryRoot").Value!,
        "samples",
        "novels-6m-f16.gguf");
}
