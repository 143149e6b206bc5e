using GgufQuant.Formats;

namespace GgufQuant.Gpu.Tests;

/// <summary>The importance weights a type is tried with: none, where it can be made without, and some.</summary>
internal static class Importances
{
    internal static float[][] Of(GgmlType type, int rowLength)
    {
        float[] some = WeightData.MakeImportance(rowLength);
        return BlockFormat.Of(type).Importance == ImatrixSupport.Required ? [some] : [[], some];
    }
}
