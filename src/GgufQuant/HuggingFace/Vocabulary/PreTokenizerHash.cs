using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>The hash by which llama.cpp's converter recognizes a pre-tokenizer, taken over the tokens of a fixed text.</summary>
/// <remarks>convert_hf_to_gguf's <c>get_vocab_base_pre</c>.</remarks>
internal static class PreTokenizerHash
{
    /// <summary>The text, <c>chktxt</c>: white space, emoji, digits, scripts, quotes and contractions.</summary>
    public const string CheckText =
        "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n🚀 (normal) 😶\u200D🌫\uFE0F (multiple emojis "
        + "concatenated) ✅ 🦙🦙 3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 កាន់តែពិសេសអាច😁 "
        + "?我想在apple工作1314151天～ ------======= нещо на Български ''''''```````\"\"\"\"......!!!!!!?????? I've "
        + "been 'told he's there, 'RE you sure? 'M not sure I'll make it, 'D you like some tea? We'Ve a'lL";

    /// <summary>The SHA-256, in hexadecimal, of the ids written as a Python list.</summary>
    public static string Of(IEnumerable<int> ids)
    {
        string list = $"[{string.Join(", ", ids.Select(id => id.ToString(CultureInfo.InvariantCulture)))}]";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(list)));
    }
}
