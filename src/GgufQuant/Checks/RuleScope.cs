namespace GgufQuant.Checks;

/// <summary>The names that a rule can use: those of its block and the enclosing ones, and the model's hyperparameters.</summary>
/// <param name="parameters">The hyperparameters.</param>
/// <param name="parent">The enclosing block; null for the outermost.</param>
internal sealed class RuleScope(HyperParameters parameters, RuleScope? parent = null)
{
    private const string ModelPrefix = "h.";

    private readonly Dictionary<string, long> _values = new(StringComparer.Ordinal);

    public RuleScope Nested() => new(parameters, this);

    /// <summary>Defines a name until the end of this block.</summary>
    public void Define(string name, long value) => _values[name] = value;

    /// <summary>Changes a value where it is defined; if no block defines it, the model's.</summary>
    public void Assign(string name, long value)
    {
        if (name.StartsWith(ModelPrefix, StringComparison.Ordinal))
        {
            parameters[name[ModelPrefix.Length..]] = value;
            return;
        }
        for (RuleScope? scope = this; scope is not null; scope = scope.Parent)
        {
            if (!scope._values.ContainsKey(name))
                continue;
            scope._values[name] = value;
            return;
        }
        parameters[name] = value;
    }

    public long Get(string name)
    {
        if (name.StartsWith(ModelPrefix, StringComparison.Ordinal))
            return parameters[name[ModelPrefix.Length..]];
        for (RuleScope? scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope._values.TryGetValue(name, out long value))
                return value;
        }
        return parameters[name];
    }

    public long Call(string name, long[] arguments) => parameters.Call(name, arguments);

    public long Element(string list, long index) => parameters.Element(list, index);

    public long OfList(string function, string list) => parameters.OfList(function, list);

    public long OfText(string function, string text, long[] arguments) => parameters.OfText(function, text, arguments);

    private RuleScope? Parent { get; } = parent;
}
