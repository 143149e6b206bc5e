using GgufQuant.Formats;

namespace GgufQuant.Gpu;

/// <summary>How far the trial of a graphics card is: its kernels are compiled meanwhile.</summary>
/// <param name="Device">The card's name.</param>
/// <param name="Type">The type that is being tried.</param>
/// <param name="Share">What is done of this card's trial, from 0 to 1.</param>
public sealed record DeviceTrial(string Device, GgmlType Type, double Share);
