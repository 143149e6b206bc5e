using System.Collections.ObjectModel;
using System.Management.Automation.Host;

namespace GgufQuant.Shell;

/// <summary>A question with fixed answers, such as that of <c>-Confirm</c>: its text, and which answer was meant.</summary>
internal sealed class ChoicePrompt
{
    public const string HelpKey = "?";

    private readonly int _default;
    private readonly (string Key, string Label, string Help)[] _choices;

    /// <param name="choices">The answers; '&amp;' stands before the key of each.</param>
    /// <param name="defaultChoice">Index of the answer that an empty line means; negative for none.</param>
    public ChoicePrompt(Collection<ChoiceDescription> choices, int defaultChoice)
    {
        _default = defaultChoice;
        _choices = [.. choices.Select(choice =>
        {
            int mark = choice.Label.IndexOf('&');
            string label = choice.Label.Replace("&", "", StringComparison.Ordinal);
            string key = mark >= 0 && mark + 1 < choice.Label.Length ? choice.Label.Substring(mark + 1, 1).ToUpperInvariant() : label;
            return (key, label, choice.HelpMessage);
        })];
    }

    public string Question =>
        $"{string.Join("  ", _choices.Select(choice => $"[{choice.Key}] {choice.Label}"))}  [?] Help{DefaultHint}: ";

    public string Help => string.Join(Environment.NewLine, _choices.Select(choice => $"{choice.Key} - {choice.Help}"));

    private string DefaultHint => _default >= 0 ? $" (default is \"{_choices[_default].Key}\")" : "";

    /// <summary>The index of the answer; null when it is none of the choices.</summary>
    public int? Find(string answer)
    {
        string text = answer.Trim();
        if (text.Length == 0)
            return _default >= 0 ? _default : null;
        int index = Array.FindIndex(_choices, choice =>
            text.Equals(choice.Key, StringComparison.OrdinalIgnoreCase) || text.Equals(choice.Label, StringComparison.OrdinalIgnoreCase));
        return index >= 0 ? index : null;
    }
}
