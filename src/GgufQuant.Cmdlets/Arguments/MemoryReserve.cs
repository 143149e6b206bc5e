using System.Globalization;
using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Memory that should stay free: bytes, or a share of the memory there is.</summary>
public sealed class MemoryReserve
{
    private readonly decimal _value;
    private readonly bool _isPercent;

    private MemoryReserve(decimal value, bool isPercent)
    {
        _value = value;
        _isPercent = isPercent;
    }

    internal static MemoryReserve Percent(decimal percent) => new(percent, isPercent: true);

    internal static MemoryReserve Bytes(long bytes) => new(bytes, isPercent: false);

    /// <summary>The bytes to keep free of a given amount of memory.</summary>
    internal long Of(long memory) => _isPercent ? (long)(memory * (_value / 100)) : (long)_value;

    /// <summary>The reserve as it can be given.</summary>
    public override string ToString() => _value.ToString(CultureInfo.InvariantCulture) + (_isPercent ? "%" : "");
}

/// <summary>Takes a number of bytes (<c>512MB</c>) or a percentage (<c>5%</c>).</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class MemoryReserveTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is MemoryReserve)
            return value;
        string text = string.Create(CultureInfo.InvariantCulture, $"{value}").Trim();
        if (text.EndsWith('%')
            && decimal.TryParse(text[..^1], NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out decimal percent)
            && percent < 100)
            return MemoryReserve.Percent(percent);
        // PowerShell reads 512MB in strings too.
        if (LanguagePrimitives.TryConvertTo(text, CultureInfo.InvariantCulture, out decimal bytes)
            && bytes == decimal.Truncate(bytes) && bytes is >= 0 and <= long.MaxValue)
            return MemoryReserve.Bytes((long)bytes);
        throw new ArgumentTransformationMetadataException($"'{text}' is not a reserve. Write bytes, such as 512MB, or a percentage, such as 5%.");
    }
}
