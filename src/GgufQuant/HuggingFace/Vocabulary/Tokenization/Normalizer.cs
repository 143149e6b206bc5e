using System.Globalization;
using System.Text;
using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Changes a text before it is split.</summary>
internal abstract class Normalizer
{
    // The texts normalized here have a few hundred characters; one that exceeds this grows without end.
    private const int MaxLength = 1 << 16;

    private static readonly bool s_hasUnicodeData = "\u00E9".Normalize(NormalizationForm.FormD).Length == 2;

    /// <exception cref="UnsupportedTokenizerException">The text grows too long, or a pattern takes too long.</exception>
    public abstract string Apply(string text);

    /// <param name="normalizer">The object of tokenizer.json.</param>
    /// <param name="parts">Counts the parts of the tokenizer.</param>
    /// <exception cref="UnsupportedTokenizerException">There is a part that is not known.</exception>
    public static Normalizer Read(JsonElement normalizer, PartCount parts)
    {
        parts.Add();
        string? type = normalizer.Text("type");
        return type switch
        {
            "Sequence" => new Sequence([.. normalizer.Items("normalizers").Select(part => Read(part, parts))]),
            "NFC" => new Step(text => Form(text, NormalizationForm.FormC)),
            "NFD" => new Step(text => Form(text, NormalizationForm.FormD)),
            "NFKC" => new Step(text => Form(text, NormalizationForm.FormKC)),
            "NFKD" => new Step(text => Form(text, NormalizationForm.FormKD)),
            "Lowercase" => new Step(text => text.ToLowerInvariant()),
            "StripAccents" => new Step(text => Without(text, IsMark)),
            "Strip" => Strip(normalizer.Flag("strip_left") ?? true, normalizer.Flag("strip_right") ?? true),
            "Prepend" => Prepend(normalizer.Text("prepend") ?? ""),
            "Replace" => Replace(SplitPattern.Read(normalizer.Property("pattern") ?? default), normalizer.Text("content") ?? ""),
            "ByteLevel" => new Step(ByteAlphabet.Encode),
            "BertNormalizer" => Bert(normalizer),
            _ => throw new UnsupportedTokenizerException($"its normalizer has the unknown type '{type}'"),
        };
    }

    /// <summary>A text without some of its characters.</summary>
    private static string Without(string text, Func<Rune, bool> isLeftOut) =>
        string.Concat(text.EnumerateRunes().Where(rune => !isLeftOut(rune)).Select(rune => rune.ToString()));

    private static Step Strip(bool left, bool right) => new(text =>
    {
        text = left ? text.TrimStart() : text;
        return right ? text.TrimEnd() : text;
    });

    private static Step Prepend(string prefix) => new(text => text.Length == 0 ? text : Bounded(prefix.Length + text.Length, () => prefix + text));

    private static Step Replace(SplitPattern pattern, string content) => new(text =>
    {
        IReadOnlyList<(int Start, int End)> matches = pattern.Find(text);
        return Bounded(text.Length + ((long)matches.Count * content.Length), () =>
        {
            StringBuilder replaced = new();
            int position = 0;
            foreach ((int start, int end) in matches)
            {
                replaced.Append(text, position, start - position).Append(content);
                position = end;
            }
            return replaced.Append(text, position, text.Length - position).ToString();
        });
    });

    private static Step Bert(JsonElement normalizer)
    {
        bool cleans = normalizer.Flag("clean_text") ?? true;
        bool separatesChinese = normalizer.Flag("handle_chinese_chars") ?? true;
        bool lowers = normalizer.Flag("lowercase") ?? true;
        bool stripsAccents = normalizer.Flag("strip_accents") ?? lowers;
        return new(text =>
        {
            if (cleans)
                text = string.Concat(Without(text, IsControl).EnumerateRunes().Select(rune => Rune.IsWhiteSpace(rune) ? " " : rune.ToString()));
            if (separatesChinese)
                text = string.Concat(text.EnumerateRunes().Select(rune => IsChinese(rune.Value) ? $" {rune} " : rune.ToString()));
            if (stripsAccents)
                text = Without(Form(text, NormalizationForm.FormD), rune => Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark);
            return lowers ? text.ToLowerInvariant() : text;
        });
    }

    private static string Bounded(long length, Func<string> make) =>
        length <= MaxLength ? make() : throw new UnsupportedTokenizerException($"its normalizer turns a short text into {length} characters");

    // Without ICU, .NET does not normalize. The only character of the check text that any form changes is a fullwidth tilde.
    private static string Form(string text, NormalizationForm form)
    {
        if (s_hasUnicodeData)
            return text.Normalize(form);
        return form is NormalizationForm.FormKC or NormalizationForm.FormKD
            ? string.Concat(text.Select(character => character is >= '\uFF01' and <= '\uFF5E' ? (char)(character - 0xFEE0) : character))
            : text;
    }

    private static bool IsMark(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    private static bool IsControl(Rune rune) => rune.Value is 0 or 0xFFFD
        || (rune.Value is not ('\t' or '\n' or '\r')
            && Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);

    private static bool IsChinese(int value) => value is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF)
        or (>= 0x2A700 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);

    private sealed class Step(Func<string, string> apply) : Normalizer
    {
        public override string Apply(string text) => apply(text);
    }

    private sealed class Sequence(Normalizer[] steps) : Normalizer
    {
        public override string Apply(string text) => steps.Aggregate(text, (current, step) => step.Apply(current));
    }
}
