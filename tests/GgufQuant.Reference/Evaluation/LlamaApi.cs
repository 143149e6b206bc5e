using System.Runtime.InteropServices;

namespace GgufQuant.Reference.Evaluation;

/// <summary>llama.cpp's C functions; <see cref="LlamaLibrary"/> says where the libraries lie.</summary>
internal static unsafe partial class LlamaApi
{
    internal const string Ggml = "ggml";
    internal const string Llama = "llama";

    [LibraryImport(Ggml, EntryPoint = "ggml_backend_dev_count")]
    internal static partial nuint DeviceCount();

    [LibraryImport(Ggml, EntryPoint = "ggml_backend_load_all_from_path", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void LoadBackends(string folder);

    [LibraryImport(Llama, EntryPoint = "llama_backend_init")]
    internal static partial void Initialize();

    [LibraryImport(Llama, EntryPoint = "llama_model_default_params")]
    internal static partial ModelParametersProbe DefaultModelParameters();

    [LibraryImport(Llama, EntryPoint = "llama_context_default_params")]
    internal static partial ContextParametersProbe DefaultContextParameters();

    [LibraryImport(Llama, EntryPoint = "llama_model_load_from_file", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint LoadModel(string path, ModelParameters parameters);

    [LibraryImport(Llama, EntryPoint = "llama_model_free")]
    internal static partial void FreeModel(nint model);

    [LibraryImport(Llama, EntryPoint = "llama_model_desc")]
    internal static partial int DescribeModel(nint model, byte* text, nuint size);

    [LibraryImport(Llama, EntryPoint = "llama_model_n_ctx_train")]
    internal static partial int TrainedContextLength(nint model);

    [LibraryImport(Llama, EntryPoint = "llama_model_has_encoder")]
    internal static partial byte HasEncoder(nint model);

    [LibraryImport(Llama, EntryPoint = "llama_model_has_decoder")]
    internal static partial byte HasDecoder(nint model);

    [LibraryImport(Llama, EntryPoint = "llama_model_get_vocab")]
    internal static partial nint GetVocabulary(nint model);

    [LibraryImport(Llama, EntryPoint = "llama_vocab_type")]
    internal static partial int VocabularyType(nint vocabulary);

    [LibraryImport(Llama, EntryPoint = "llama_vocab_n_tokens")]
    internal static partial int TokenCount(nint vocabulary);

    [LibraryImport(Llama, EntryPoint = "llama_vocab_get_text")]
    internal static partial byte* TokenText(nint vocabulary, int token);

    [LibraryImport(Llama, EntryPoint = "llama_vocab_bos")]
    internal static partial int BeginningOfSequence(nint vocabulary);

    [LibraryImport(Llama, EntryPoint = "llama_vocab_get_add_bos")]
    internal static partial byte AddsBeginningOfSequence(nint vocabulary);

    [LibraryImport(Llama, EntryPoint = "llama_vocab_get_add_eos")]
    internal static partial byte AddsEndOfSequence(nint vocabulary);

    [LibraryImport(Llama, EntryPoint = "llama_vocab_is_eog")]
    internal static partial byte IsEndOfGeneration(nint vocabulary, int token);

    [LibraryImport(Llama, EntryPoint = "llama_tokenize")]
    internal static partial int Tokenize(
        nint vocabulary, byte* text, int length, int* tokens, int capacity, byte addSpecial, byte parseSpecial);

    [LibraryImport(Llama, EntryPoint = "llama_detokenize")]
    internal static partial int Detokenize(
        nint vocabulary, int* tokens, int count, byte* text, int capacity, byte removeSpecial, byte unparseSpecial);

    [LibraryImport(Llama, EntryPoint = "llama_init_from_model")]
    internal static partial nint CreateContext(nint model, ContextParameters parameters);

    [LibraryImport(Llama, EntryPoint = "llama_free")]
    internal static partial void FreeContext(nint context);

    [LibraryImport(Llama, EntryPoint = "llama_get_memory")]
    internal static partial nint GetMemory(nint context);

    [LibraryImport(Llama, EntryPoint = "llama_memory_clear")]
    internal static partial void ClearMemory(nint memory, byte data);

    [LibraryImport(Llama, EntryPoint = "llama_decode")]
    internal static partial int Decode(nint context, TokenBatch batch);

    [LibraryImport(Llama, EntryPoint = "llama_get_logits")]
    internal static partial float* GetLogits(nint context);
}
