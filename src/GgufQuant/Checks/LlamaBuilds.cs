namespace GgufQuant.Checks;

/// <summary>Builds of llama.cpp, whose loaders differ in what ends the program.</summary>
[Flags]
internal enum LlamaBuilds
{
    None = 0,

    /// <summary>v0.5.0, whose rules decide whether a file is sound.</summary>
    Reference = 1,

    /// <summary>b10221, which LLamaSharp packages and the module runs models with.</summary>
    Engine = 2,

    Both = Reference | Engine,
}
