using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Loader;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Tests;

/// <summary>An engine in an assembly that is made here, beside an own copy of the interface's assembly.</summary>
public sealed class PackagedEngineTests
{
    [Fact]
    public void An_engine_runs_in_its_own_load_context_and_implements_the_shared_interface()
    {
        using TemporaryFolder folder = new();
        string path = WriteEngine(folder, "MadeEngine", withStart: true);
        File.Copy(typeof(IInferenceEngine).Assembly.Location, folder.File("GgufQuant.Evaluation.dll"));

        IInferenceEngine engine = PackagedEngine.Start(new("Made", path, "/natives"));

        Assert.Equal("made", engine.Name);
        AssemblyLoadContext context = AssemblyLoadContext.GetLoadContext(engine.GetType().Assembly)!;
        Assert.NotSame(AssemblyLoadContext.Default, context);
        Assert.Equal([engine.GetType().Assembly], context.Assemblies);
    }

    [Fact]
    public void An_engine_that_cannot_be_started_is_named()
    {
        using TemporaryFolder folder = new();
        string path = WriteEngine(folder, "MuteEngine", withStart: false);
        EngineMissingException exception = Assert.Throws<EngineMissingException>(() => PackagedEngine.Start(new("Made", path, "/natives")));
        Assert.Contains("'MuteEngine'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_or_broken_assembly_is_named()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("broken.dll");
        Assert.Contains(path, Assert.Throws<EngineMissingException>(() => PackagedEngine.Start(new("Made", path, "/natives"))).Message, StringComparison.Ordinal);
        File.WriteAllText(path, "not an assembly");
        Assert.Contains(path, Assert.Throws<EngineMissingException>(() => PackagedEngine.Start(new("Made", path, "/natives"))).Message, StringComparison.Ordinal);
    }

    private static string WriteEngine(TemporaryFolder folder, string name, bool withStart)
    {
        PersistedAssemblyBuilder assembly = new(new AssemblyName(name), typeof(object).Assembly);
        TypeBuilder type = assembly.DefineDynamicModule(name).DefineType(name, TypeAttributes.Public, typeof(object), [typeof(IInferenceEngine)]);
        ConstructorBuilder constructor = type.DefineDefaultConstructor(MethodAttributes.Public);
        const MethodAttributes Implements = MethodAttributes.Public | MethodAttributes.Virtual;

        ILGenerator code = type.DefineMethod("get_Name", Implements, typeof(string), []).GetILGenerator();
        code.Emit(OpCodes.Ldstr, "made");
        code.Emit(OpCodes.Ret);
        code = type.DefineMethod("Load", Implements, typeof(ILanguageModel), [typeof(string), typeof(ModelOptions), typeof(CancellationToken)]).GetILGenerator();
        code.Emit(OpCodes.Ldnull);
        code.Emit(OpCodes.Ret);
        if (withStart)
        {
            code = type.DefineMethod("Start", MethodAttributes.Public | MethodAttributes.Static, type, [typeof(string), typeof(Action<LlamaLogLevel, string>)]).GetILGenerator();
            code.Emit(OpCodes.Newobj, constructor);
            code.Emit(OpCodes.Ret);
        }

        type.CreateType();
        string path = folder.File(name + ".dll");
        assembly.Save(path);
        return path;
    }
}
