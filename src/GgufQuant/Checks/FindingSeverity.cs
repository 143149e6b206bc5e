namespace GgufQuant.Checks;

/// <summary>How much a finding matters.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing, and no reason to worry.</summary>
    Information,

    /// <summary>Unusual: the model may run, but something about it is likely wrong.</summary>
    Warning,

    /// <summary>The file is damaged or incomplete.</summary>
    Error,
}
