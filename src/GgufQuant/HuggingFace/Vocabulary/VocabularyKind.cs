namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>How the models of an architecture store their vocabulary; one kind per <c>set_vocab</c> of convert_hf_to_gguf.</summary>
internal enum VocabularyKind
{
    /// <summary>Byte-level BPE in tokenizer.json (<c>_set_vocab_gpt2</c>).</summary>
    Gpt2,

    /// <summary>DeepSeek and Kimi: byte-level BPE in tokenizer.json, or in tiktoken.model.</summary>
    Deepseek,

    /// <summary>SentencePiece in tokenizer.model (<c>_set_vocab_sentencepiece</c>).</summary>
    SentencePiece,

    /// <summary>SentencePiece if there is a tokenizer.model, else byte-level BPE.</summary>
    SentencePieceOrGpt2,

    /// <summary>Llama and models of its class: SentencePiece, SentencePiece BPE in tokenizer.json, or byte-level BPE.</summary>
    Llama,

    /// <summary>Gemma 1: SentencePiece, with the end of turn at 107.</summary>
    Gemma,

    /// <summary>Gemma 2: SentencePiece without a leading space.</summary>
    Gemma2,

    /// <summary>Gemma 3: SentencePiece without a leading space, else byte-level BPE.</summary>
    Gemma3,

    /// <summary>Gemma 4: SentencePiece BPE in tokenizer.json, with merges.</summary>
    Gemma4,

    /// <summary>Nemotron: SentencePiece, with padding at 0 and the unknown token at 1.</summary>
    Nemotron,

    /// <summary>Phi-3: byte-level BPE if the class is GPT-2's, else SentencePiece with added tokens from three files.</summary>
    Phi3,

    /// <summary>GLM-4: byte-level BPE, with the end-of-text token as bos.</summary>
    Glm4,

    /// <summary>GLM-4.5 and later: byte-level BPE, with <c>[gMASK]</c> as bos.</summary>
    Glm4Moe,

    /// <summary>Solar Open: byte-level BPE, with its special tokens.</summary>
    SolarOpen,

    /// <summary>ChatGLM and GLM-Edge: byte-level BPE, with <c>&lt;|user|&gt;</c> as eot.</summary>
    ChatGlm,

    /// <summary>ERNIE 4.5: SentencePiece.</summary>
    Ernie,

    /// <summary>Hunyuan: byte-level BPE, with eos and eot from the files that have them right.</summary>
    Hunyuan,

    /// <summary>Mamba: byte-level BPE or SentencePiece, padded to a multiple of 8.</summary>
    Mamba,

    /// <summary>Mamba-2: SentencePiece or byte-level BPE, padded to a multiple of 16.</summary>
    Mamba2,

    /// <summary>Granite 4: like Mamba-2, padded to a multiple of 8 if any layer is a Mamba layer.</summary>
    GraniteHybrid,

    /// <summary>BERT: WordPiece, with a space before every token that does not continue a word.</summary>
    Bert,

    /// <summary>RoBERTa: byte-level BPE if there is a tokenizer.json, else like BERT.</summary>
    Roberta,

    /// <summary>ModernBERT: byte-level BPE, with bos, eos and sep added.</summary>
    ModernBert,

    /// <summary>Nomic: Unigram if tokenizer.json says so, else like BERT.</summary>
    NomicBert,

    /// <summary>XLM-RoBERTa: Unigram in sentencepiece.bpe.model or tokenizer.json.</summary>
    XlmRoberta,

    /// <summary>Jina's BERT: WordPiece, byte-level BPE or whole words, depending on the tokenizer's class.</summary>
    JinaBert,
}
