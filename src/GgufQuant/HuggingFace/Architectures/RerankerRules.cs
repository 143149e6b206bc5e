using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Recipes for Qwen3's rerankers, which answer "yes" or "no": the output rows of the two words form a classifier.</summary>
/// <remarks>convert_hf_to_gguf's <c>Qwen3Model</c>.</remarks>
internal static class RerankerRules
{
    private const uint RankPooling = 4;

    // The prompt that the model was trained with; llama.cpp fills in the query and the document.
    private const string Template =
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n"
        + "<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: {query}\n<Document>: {document}<|im_end|>\n"
        + "<|im_start|>assistant\n<think>\n\n</think>\n\n";

    private static readonly string[] s_names = ["qwen3-reranker", "qwen3-vl-reranker"];

    /// <summary>The keys of a reranker.</summary>
    public static void Keys(KeyWriter keys)
    {
        if (!IsReranker(keys.Context))
            return;
        keys.Add("pooling_type", RankPooling);
        keys.Add("classifier.output_labels", (string[])["yes", "no"]);
        keys.AddGeneral("tokenizer.chat_template.rerank", Template);
        keys.AddGeneral("tokenizer.chat_templates", (string[])["rerank"]);
    }

    /// <summary>Makes the classifier from the output matrix, or from the embeddings if they are tied.</summary>
    public static IEnumerable<SourceTensor> Classifier(ConversionContext context, SourceTensor tensor)
    {
        if (!IsReranker(context))
            return [tensor];
        bool isTied = context.Config.FindBoolean("tie_word_embeddings") ?? false;
        if (!tensor.Name.Contains(isTied ? "embed_tokens" : "lm_head", StringComparison.Ordinal))
            return [tensor];
        long[] rows = [RowOf(context, "yes"), RowOf(context, "no")];
        TensorValues values = tensor.Values.Rows([rows.Length, .. tensor.Values.Shape[1..]], row => rows[row]);
        SourceTensor classifier = tensor with { Name = "cls.output.weight", Values = values };
        return isTied ? [classifier, tensor] : [classifier];
    }

    private static bool IsReranker(ConversionContext context) =>
        IsNamedSo(Path.GetFileName(context.Folder.Path)) || IsNamedSo(context.Config.FindString("_name_or_path")) || IsNamedSo(context.Config.ModelType)
        || s_names.Any(name => context.Folder.ReadText("README.md")?.Contains($"# {name}", StringComparison.OrdinalIgnoreCase) ?? false);

    private static bool IsNamedSo(string? text) => s_names.Any(name => text?.Contains(name, StringComparison.OrdinalIgnoreCase) ?? false);

    private static int RowOf(ConversionContext context, string token) => context.FindToken(token)
        ?? throw new ModelFolderException(context.Folder.Path, $"the model is a reranker, but its vocabulary has no token '{token}'");
}
