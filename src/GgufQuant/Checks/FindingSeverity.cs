namespace GgufQuant.Checks;

/// <summary>The severity of a finding.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing, but no cause for concern.</summary>
    Information,

    /// <summary>Unusual: the model may run, but something about it is probably wrong.</summary>
    Warning,

    /// <summary>The file is damaged or incomplete.</summary>
    Error,
}
