namespace GgufQuant.Evaluation.Tasks;

/// <summary>The start of a text, short enough for a message.</summary>
internal static class Excerpt
{
    private const int Length = 60;

    internal static string Of(string text) => text.Length <= Length ? text : text[..Length] + "...";
}
