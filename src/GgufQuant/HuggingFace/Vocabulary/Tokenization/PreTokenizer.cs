using System.Globalization;
using System.Text;
using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Splits a text into words, which the model then tokenizes.</summary>
internal abstract class PreTokenizer
{
    private const string Gpt2Words = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string Words = @"[\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}]+|[^\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\s]+";
    private const string Spaces = @"\s";
    private const string Punctuation = @"[\p{P}$+<=>^`|~]";

    /// <exception cref="UnsupportedTokenizerException">A pattern takes too long.</exception>
    public abstract IEnumerable<Segment> Apply(Segment segment);

    /// <param name="preTokenizer">The object of tokenizer.json.</param>
    /// <param name="parts">Counts the parts of the tokenizer.</param>
    /// <param name="addsPrefixSpace">Whether byte-level BPE outside a sequence adds a space in front; null if the object decides.</param>
    /// <exception cref="UnsupportedTokenizerException">There is a part that is not known.</exception>
    public static PreTokenizer Read(JsonElement preTokenizer, PartCount parts, bool? addsPrefixSpace = null)
    {
        parts.Add();
        string? type = preTokenizer.Text("type");
        return type switch
        {
            "Sequence" => new Sequence([.. preTokenizer.Items("pretokenizers").Select(part => Read(part, parts))]),
            "Split" => new Splitter(
                SplitPattern.Read(preTokenizer.Property("pattern") ?? default), Behavior(preTokenizer.Text("behavior")), preTokenizer.Flag("invert") ?? false),
            "ByteLevel" => new ByteLevel(addsPrefixSpace ?? preTokenizer.Flag("add_prefix_space") ?? true, preTokenizer.Flag("use_regex") ?? true),
            "Digits" => Split(@"\p{N}", preTokenizer.Flag("individual_digits") ?? false ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
            "Punctuation" => Split(Punctuation, Behavior(preTokenizer.Text("behavior") ?? "Isolated")),
            "Whitespace" => new Splitter(SplitPattern.FromRegex(Words), SplitBehavior.Removed, inverts: true),
            "WhitespaceSplit" => Split(Spaces, SplitBehavior.Removed),
            "BertPreTokenizer" => new Sequence([Split(Spaces, SplitBehavior.Removed), Split(Punctuation, SplitBehavior.Isolated)]),
            "CharDelimiterSplit" => Split(OnigurumaPattern.Escape(preTokenizer.Text("delimiter") ?? ""), SplitBehavior.Removed),
            "Metaspace" => Metaspace.Read(preTokenizer),
            _ => throw new UnsupportedTokenizerException($"its pre-tokenizer has the unknown type '{type}'"),
        };
    }

    private static Splitter Split(string regex, SplitBehavior behavior) => new(SplitPattern.FromRegex(regex), behavior, inverts: false);

    private static SplitBehavior Behavior(string? name) => Enum.TryParse(name, out SplitBehavior behavior) && Enum.IsDefined(behavior)
        ? behavior
        : throw new UnsupportedTokenizerException($"its pre-tokenizer splits with the unknown behavior '{name}'");

    private sealed class Sequence(PreTokenizer[] steps) : PreTokenizer
    {
        public override IEnumerable<Segment> Apply(Segment segment) =>
            steps.Aggregate<PreTokenizer, IEnumerable<Segment>>([segment], (segments, step) => [.. segments.SelectMany(step.Apply)]);
    }

    private sealed class Splitter(SplitPattern pattern, SplitBehavior behavior, bool inverts) : PreTokenizer
    {
        public override IEnumerable<Segment> Apply(Segment segment)
        {
            List<(int Start, int End, bool IsMatch)> pieces = [];
            int position = 0;
            foreach ((int start, int end) in pattern.Find(segment.Text))
            {
                if (position < start)
                    pieces.Add((position, start, inverts));
                pieces.Add((start, end, !inverts));
                position = end;
            }
            if (position < segment.Text.Length)
                pieces.Add((position, segment.Text.Length, inverts));
            return Kept(pieces).Select(piece => new Segment(segment.Text[piece.Start..piece.End], segment.IsFirst && piece.Start == 0));
        }

        private List<(int Start, int End)> Kept(List<(int Start, int End, bool IsMatch)> pieces)
        {
            List<(int Start, int End)> kept = [];
            for (int i = 0; i < pieces.Count; i++)
            {
                (int start, int end, bool isMatch) = pieces[i];
                bool followsMatch = i > 0 && pieces[i - 1].IsMatch;
                bool extends = behavior switch
                {
                    SplitBehavior.MergedWithPrevious => i > 0 && isMatch && !followsMatch,
                    SplitBehavior.MergedWithNext => i > 0 && !isMatch && followsMatch,
                    SplitBehavior.Contiguous => i > 0 && isMatch == followsMatch,
                    _ => false,
                };
                if (extends)
                    kept[^1] = (kept[^1].Start, end);
                else if (behavior != SplitBehavior.Removed || !isMatch)
                    kept.Add((start, end));
            }
            return kept;
        }
    }

    private sealed class ByteLevel(bool addsPrefixSpace, bool usesRegex) : PreTokenizer
    {
        private readonly Splitter _words = Split(Gpt2Words, SplitBehavior.Isolated);

        public override IEnumerable<Segment> Apply(Segment segment)
        {
            if (addsPrefixSpace && segment.Text[0] != ' ')
                segment = segment with { Text = " " + segment.Text };
            IEnumerable<Segment> words = usesRegex ? _words.Apply(segment) : [segment];
            return words.Select(word => word with { Text = ByteAlphabet.Encode(word.Text) });
        }
    }

    private sealed class Metaspace(string replacement, string scheme, bool splits) : PreTokenizer
    {
        private readonly Splitter _words = Split(OnigurumaPattern.Escape(replacement), SplitBehavior.MergedWithNext);

        public static Metaspace Read(JsonElement preTokenizer)
        {
            string replacement = preTokenizer.Text("replacement") ?? "\u2581";
            if (replacement.EnumerateRunes().Count() != 1)
                throw new UnsupportedTokenizerException("its pre-tokenizer replaces spaces with more than one character");
            string scheme = preTokenizer.Text("prepend_scheme") ?? (preTokenizer.Flag("add_prefix_space") ?? true ? "always" : "never");
            return new(replacement, scheme, preTokenizer.Flag("split") ?? true);
        }

        public override IEnumerable<Segment> Apply(Segment segment)
        {
            string text = segment.Text.Replace(" ", replacement, StringComparison.Ordinal);
            bool prepends = scheme == "always" || (scheme == "first" && segment.IsFirst);
            if (prepends && !text.StartsWith(replacement, StringComparison.Ordinal))
                text = replacement + text;
            segment = segment with { Text = text };
            return splits ? _words.Apply(segment) : [segment];
        }
    }

    internal static bool IsWordCharacter(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter
        or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.NonSpacingMark
        or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
        or UnicodeCategory.ConnectorPunctuation;
}
