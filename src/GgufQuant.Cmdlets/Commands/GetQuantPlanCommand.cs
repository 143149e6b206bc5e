using System.Management.Automation;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Shows how ConvertTo-Quantized would quantize a model: each tensor's type with the rule that chose it, and the size of the file.</summary>
[Cmdlet(VerbsCommon.Get, "QuantPlan", DefaultParameterSetName = PathSet)]
[OutputType(typeof(PlannedFile))]
public sealed class GetQuantPlanCommand : QuantizationCommand
{
    /// <summary>Choosing types for a size measures weights.</summary>
    private protected override bool TakesHeaders =>
        Corpus is null && TargetSize.Length == 0 && TargetBitsPerWeight.Length == 0 && TargetMemory.Length == 0;

    /// <inheritdoc/>
    protected override void ProcessPlan(QuantizationPlan plan, string destination) => WriteObject(new PlannedFile(plan, destination));
}
