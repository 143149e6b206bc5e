using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Writes objects so that one alone shows as a list and several show as a table.</summary>
/// <remarks>
/// The view of an object is chosen when it is written, so the first waits until the second comes or the input ends.
/// </remarks>
internal sealed class SoleOrSeveral(Cmdlet cmdlet)
{
    /// <summary>What the type name of an object that came alone ends in, for the format file.</summary>
    internal const string SoleSuffix = "#Sole";

    private object? _first;
    private bool _several;

    internal void Write(object value)
    {
        if (!_several && _first is null)
        {
            _first = value;
            return;
        }
        if (!_several)
            cmdlet.WriteObject(_first);
        _several = true;
        _first = null;
        cmdlet.WriteObject(value);
    }

    internal void End()
    {
        if (_first is null)
            return;
        PSObject sole = new(_first);
        sole.TypeNames.Insert(0, _first.GetType().FullName + SoleSuffix);
        cmdlet.WriteObject(sole);
        _first = null;
    }
}
