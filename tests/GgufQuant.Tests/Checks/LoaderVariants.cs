using System.Globalization;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Tests.Checks;

/// <summary>A small model with one thing changed: a key or a tensor removed, of another type, of another size.</summary>
/// <param name="Name">What was changed.</param>
/// <param name="Metadata">The keys.</param>
/// <param name="Tensors">The tensors.</param>
internal sealed record LoaderVariant(string Name, IReadOnlyList<(string Key, object Value)> Metadata, IReadOnlyList<(GgufTensorInfo Info, byte[] Data)> Tensors);

/// <summary>Changes a model in every way in turn.</summary>
internal static class LoaderVariants
{
    public static IEnumerable<LoaderVariant> Of(IReadOnlyList<(string Key, object Value)> metadata, IReadOnlyList<(GgufTensorInfo Info, byte[] Data)> tensors)
    {
        yield return new("as it is", metadata, tensors);
        for (int i = 0; i < metadata.Count; i++)
        {
            (string key, object value) = metadata[i];
            yield return new($"{key} removed", Without(metadata, i), tensors);
            foreach ((string change, object other) in Others(value))
                yield return new($"{key} {change}", With(metadata, i, (key, other)), tensors);
        }
        for (int i = 0; i < tensors.Count; i++)
        {
            string name = tensors[i].Info.Name;
            yield return new($"{name} removed", metadata, Without(tensors, i));
            // The second block has the rules of the first.
            foreach ((string change, GgufTensorInfo info) in name.Contains("blk.1.", StringComparison.Ordinal) ? [] : Others(tensors[i].Info))
                yield return new($"{name} {change}", metadata, With(tensors, i, (info, DataFor(info))));
        }
        yield return new("one tensor more", metadata, [.. tensors, Extra("further.weight")]);
        yield return new("one tensor more in a block", metadata, [.. tensors, Extra("blk.0.further.weight")]);
        foreach (uint alignment in (uint[])[1, 8, 64, 4096])
            yield return new($"general.alignment is {alignment}", [.. metadata, ("general.alignment", alignment)], tensors);
        yield return new("one block more", metadata, [.. tensors, Extra("blk.9.attn_norm.weight")]);
    }

    private static IEnumerable<(string Change, object Value)> Others(object value)
    {
        switch (value)
        {
            case uint number:
                foreach (uint other in new HashSet<uint> { 0, 1, 3, number + 1, unchecked(number - 1), number * 2, 513, int.MaxValue, uint.MaxValue }.Where(other => other != number))
                    yield return ($"is {other}", other);
                yield return ("is an Int32", (int)number);
                yield return ("is a UInt64", (ulong)number);
                yield return ("is a UInt16", (ushort)number);
                yield return ("is a Float32", (float)number);
                yield return ("is a Boolean", number != 0);
                yield return ("is a String", number.ToString(CultureInfo.InvariantCulture));
                yield return ("is an array of 2", new[] { number, number });
                yield return ("is an array of 3 Int32", new[] { (int)number, (int)number, (int)number });
                yield return ("is an array of 2 UInt64", new[] { (ulong)number, number });
                yield return ("is an array of 2 Float32", new[] { 1f, 1f });
                break;
            case int number:
                yield return ("is a UInt32", (uint)number);
                yield return ("is an Int64", (long)number);
                yield return ("is an array of 4", new[] { number, number, number, number });
                break;
            case float number:
                yield return ("is a Float64", (double)number);
                yield return ("is a UInt32", 1u);
                yield return ("is a String", "1");
                yield return ("is 0", 0f);
                yield return ("is an array of 2", new[] { number, number });
                break;
            case bool flag:
                yield return ("is the other", !flag);
                yield return ("is a UInt32", flag ? 1u : 0u);
                yield return ("is a UInt8", flag ? (byte)1 : (byte)0);
                break;
            case string text:
                yield return ("is empty", "");
                yield return ("is another", "something else");
                yield return ("is a UInt32", 1u);
                yield return ("is an array", new[] { text });
                break;
            case Array array:
                yield return ("is empty", Array.CreateInstance(array.GetType().GetElementType()!, 0));
                yield return ("is one shorter", Resize(array, array.Length - 1));
                yield return ("is one longer", Resize(array, array.Length + 1));
                yield return ("is its first element", array.Length > 0 ? array.GetValue(0)! : 0u);
                yield return ("is an array of UInt8", new byte[array.Length]);
                yield return ("is an array of Int32", new int[array.Length]);
                yield return ("is an array of UInt32", new uint[array.Length]);
                yield return ("is an array of Int64", new long[array.Length]);
                yield return ("is an array of Float32", new float[array.Length]);
                yield return ("is an array of Float64", new double[array.Length]);
                yield return ("is an array of String", Enumerable.Range(0, array.Length).Select(i => $"s{i}").ToArray());
                yield return ("is an array of Boolean", new bool[array.Length]);
                if (array is string[] { Length: > 1 } texts)
                {
                    yield return ("has one twice", (string[])[.. texts[..^1], texts[0]]);
                    yield return ("has an empty one", (string[])["", .. texts[1..]]);
                }
                if (array is int[] { Length: > 0 } numbers)
                {
                    yield return ("starts with 6", (int[])[6, .. numbers[1..]]);
                    yield return ("starts with 99", (int[])[99, .. numbers[1..]]);
                }
                if (array is ulong[] { Length: > 0 } wide)
                {
                    foreach (ulong other in (ulong[])[0, 50, int.MaxValue, uint.MaxValue, ulong.MaxValue])
                        yield return ($"starts with {other}", (ulong[])[other, .. wide[1..]]);
                    yield return ("has 65 elements", (ulong[])[.. wide, .. new ulong[65 - wide.Length]]);
                }
                break;
        }
    }

    private static IEnumerable<(string Change, GgufTensorInfo Info)> Others(GgufTensorInfo info)
    {
        long[] shape = [.. info.Shape];
        yield return ("is F16", info with { Type = GgmlType.F16 });
        if (shape.Length > 1 && shape[0] != shape[1])
            yield return ("is transposed", info with { Shape = [shape[1], shape[0], .. shape[2..]] });
        if (shape.Length > 1)
            yield return ("is flat", info with { Shape = [shape.Aggregate(1L, (a, b) => a * b)] });
        yield return ("has one row more", info with { Shape = [.. shape[..^1], shape[^1] + 1] });
        if (shape.Length < 4)
            yield return ("has a further dimension of 1", info with { Shape = [.. shape, 1] });
        if (shape.Length < 4)
            yield return ("has a further dimension of 2", info with { Shape = [.. shape, 2] });
    }

    private static Array Resize(Array array, int length)
    {
        Array other = Array.CreateInstance(array.GetType().GetElementType()!, Math.Max(0, length));
        Array.Copy(array, other, Math.Min(array.Length, other.Length));
        if (other is string[] texts)
        {
            for (int i = array.Length; i < texts.Length; i++)
                texts[i] = $"further {i}";
        }
        return other;
    }

    private static (GgufTensorInfo Info, byte[] Data) Extra(string name)
    {
        GgufTensorInfo info = new(name, GgmlType.F32, [8]);
        return (info, DataFor(info));
    }

    /// <summary>Weights of a tensor that are neither zero nor large.</summary>
    public static byte[] DataFor(GgufTensorInfo info)
    {
        long count = info.Shape.Aggregate(1L, (a, b) => a * b);
        byte[] data = new byte[BlockFormat.Of(info.Type).ByteCount(count)];
        for (int i = 0; i < count; i++)
        {
            float weight = ((i % 13) - 6) / 16f;
            _ = info.Type == GgmlType.F16 ? BitConverter.TryWriteBytes(data.AsSpan(2 * i), (Half)weight) : BitConverter.TryWriteBytes(data.AsSpan(4 * i), weight);
        }
        return data;
    }

    private static List<T> Without<T>(IReadOnlyList<T> list, int index) => [.. list.Where((_, i) => i != index)];

    private static List<T> With<T>(IReadOnlyList<T> list, int index, T item) => [.. list.Select((other, i) => i == index ? item : other)];
}
