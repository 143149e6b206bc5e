using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace GgufQuant.HuggingFace.Metadata;

/// <summary>The parts of a model's name: <c>Meta-Llama/Llama-3.2-1B-Instruct</c>.</summary>
/// <param name="Name">The name without the organization.</param>
/// <param name="Organization">Who published it.</param>
/// <param name="BaseName">The family.</param>
/// <param name="FineTune">What it was tuned for.</param>
/// <param name="Version">Its version.</param>
/// <param name="SizeLabel">Its size.</param>
/// <remarks>gguf-py's <c>Metadata.get_model_id_components</c>.</remarks>
internal sealed partial record ModelId(string Name, string? Organization, string? BaseName, string? FineTune, string? Version, string? SizeLabel)
{
    [Flags]
    private enum Marks
    {
        None = 0,
        BaseName = 1,
        SizeLabel = 2,
        FineTune = 4,
        Version = 8,
        Type = 16,
    }

    /// <summary>Splits a name into its parts.</summary>
    /// <param name="id">The name.</param>
    /// <param name="parameters">The number of parameters, 0 if unknown: a number in the name that is far from it is not a size.</param>
    public static ModelId Parse(string id, long parameters)
    {
        if (id.Contains(' '))
            return new ModelId(id, null, null, null, null, null);
        int slash = id.IndexOf('/');
        string? organization = slash < 0 || id[0] == '.' ? null : id[..slash];
        string name = slash < 0 ? id : id[(slash + 1)..];
        string[] parts = name.Split('-', StringSplitOptions.RemoveEmptyEntries);
        Marks[] marks = new Marks[parts.Length];
        for (int i = 0; i < parts.Length; i++)
            marks[i] = Mark(ref parts[i], i > 0, parameters);
        PreferNumbers(parts, marks);
        MarkBaseName(parts, marks);

        string? sizeLabel = Join(parts.Where((_, i) => marks[i].HasFlag(Marks.SizeLabel)).Distinct(StringComparer.Ordinal));
        string? fineTune = Join(parts.Where((_, i) => marks[i].HasFlag(Marks.FineTune)));
        string? version = Join(parts.Where((_, i) => marks[i].HasFlag(Marks.Version) && !marks[i].HasFlag(Marks.BaseName)));
        string? baseName = Join(parts.Where((_, i) => marks[i].HasFlag(Marks.BaseName)));
        // The family alone is too ambiguous.
        return new ModelId(name, organization, sizeLabel is null && fineTune is null && version is null ? null : baseName, fineTune, version, sizeLabel);
    }

    /// <summary>A name as a title: words in lower case get a capital, unless they are versions.</summary>
    /// <remarks>gguf-py's <c>Metadata.id_to_title</c>.</remarks>
    public static string ToTitle(string name) =>
        string.Join(' ', name.Trim().Replace('-', ' ').Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Select(word => IsLower(word) && !VersionOrNumber().IsMatch(word) ? Capitalized(word) : word));

    // Python's islower: at least one letter has a case, and all that do are lower case.
    private static bool IsLower(string word) =>
        word.EnumerateRunes().Any(Rune.IsLower) && !word.EnumerateRunes().Any(rune => Rune.IsUpper(rune) || Rune.GetUnicodeCategory(rune) == UnicodeCategory.TitlecaseLetter);

    // Python's title: a letter that follows no letter is upper case, the others are lower case.
    private static string Capitalized(string word)
    {
        StringBuilder title = new();
        bool isAfterLetter = false;
        foreach (Rune rune in word.EnumerateRunes())
        {
            title.Append(isAfterLetter ? Rune.ToLowerInvariant(rune) : Rune.ToUpperInvariant(rune));
            isAfterLetter = Rune.IsLower(rune) || Rune.IsUpper(rune);
        }
        return title.ToString();
    }

    private static string? Join(IEnumerable<string> parts) => string.Join('-', parts) is { Length: > 0 } joined ? joined : null;

    private static Marks Mark(ref string part, bool isLater, long parameters)
    {
        if (VersionPart().IsMatch(part))
            return Marks.Version;
        if (TypePart().IsMatch(part))
        {
            part = part.ToUpperInvariant();
            return Marks.Type;
        }
        if (isLater && SizePart().IsMatch(part))
        {
            part = NormalizedSize(part);
            // A number that is far from the model's size is likely a context length.
            if (parameters == 0 || SizeOf(part) is not { } size || !(Math.Abs(size - parameters) > 7 * parameters / 8))
                return Marks.SizeLabel;
            part = part[..^1] + char.ToLowerInvariant(part[^1]);
            return Marks.FineTune;
        }
        return isLater && FineTunePart().IsMatch(part) ? Marks.FineTune : Marks.None;
    }

    private static string NormalizedSize(string label)
    {
        label = label.Replace('_', '.');
        // BLOOM writes 7b1 for 7.1b.
        if (char.IsDigit(label[^1]))
            label = $"{label[..^2]}.{label[^1]}{label[^2]}";
        return label.Length > 1 && char.IsDigit(label[^2]) && "kmbt".Contains(label[^1]) ? label[..^1] + char.ToUpperInvariant(label[^1]) : label;
    }

    private static double? SizeOf(string label) =>
        double.TryParse(label.AsSpan()[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            ? number * Math.Pow(1000, " KMBT".IndexOf(label[^1]))
            : null;

    private static void PreferNumbers(string[] parts, Marks[] marks)
    {
        if (!parts.Where((_, i) => marks[i].HasFlag(Marks.SizeLabel)).Any(part => part.Any(char.IsDigit)))
            return;
        for (int i = 0; i < parts.Length; i++)
        {
            if (marks[i].HasFlag(Marks.SizeLabel) && parts[i].All(char.IsLetter))
                marks[i] &= ~Marks.SizeLabel;
        }
    }

    private static void MarkBaseName(string[] parts, Marks[] marks)
    {
        bool isAtStart = true;
        for (int i = 0; i < parts.Length; i++)
        {
            isAtStart &= (marks[i] == Marks.None && char.IsLetter(parts[i][0])) || marks[i].HasFlag(Marks.Version);
            if (isAtStart)
                marks[i] |= Marks.BaseName;
            else if (marks[i] == Marks.None)
                marks[i] = Marks.FineTune;
        }
        for (int i = parts.Length - 1; i >= 0 && marks[i].HasFlag(Marks.BaseName) && marks[i] != Marks.BaseName; i--)
            marks[i] &= ~Marks.BaseName;
    }

    [GeneratedRegex(@"^(v\d+(?:\.\d+)*|\d.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex VersionOrNumber();

    [GeneratedRegex(@"^(v|iter)?\d+([.]\d+)*\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex VersionPart();

    [GeneratedRegex(@"^(i?q\d(_\w)*|b?fp?(16|32))\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex TypePart();

    [GeneratedRegex(@"^((A|\d+x)?\d+([._]\d+)?[KMBT]\d?|small|mini|medium|large|x?xl)\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex SizePart();

    [GeneratedRegex(@"^(chat|instruct|vision|lora)\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex FineTunePart();
}
