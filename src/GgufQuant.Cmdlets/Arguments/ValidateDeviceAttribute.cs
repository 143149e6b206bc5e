using System.Management.Automation;
using GgufQuant.Gpu;

namespace GgufQuant.Commands;

/// <summary>Rejects what cannot be a device selector, whatever devices this machine has.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ValidateDeviceAttribute : ValidateArgumentsAttribute
{
    /// <inheritdoc/>
    protected override void Validate(object arguments, EngineIntrinsics engineIntrinsics)
    {
        string selector = $"{arguments}";
        if (!DeviceCatalog.IsSelector(selector))
            throw new ValidationMetadataException(DeviceCatalog.InvalidSelector(selector));
    }
}
