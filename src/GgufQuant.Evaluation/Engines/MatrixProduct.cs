namespace GgufQuant.Evaluation.Engines;

/// <summary>A matrix product in a running model: a weight tensor times a batch of inputs.</summary>
public readonly unsafe ref struct MatrixProduct
{
    private readonly NativeTensor* _weight;
    private readonly NativeTensor* _input;
    private readonly NativeTensor* _selection;
    private readonly byte* _inputData;
    private readonly byte* _selectionData;

    internal MatrixProduct(
        string weightName, NativeTensor* weight, NativeTensor* input, NativeTensor* selection, byte* inputData, byte* selectionData)
    {
        WeightName = weightName;
        _weight = weight;
        _input = input;
        _selection = selection;
        _inputData = inputData;
        _selectionData = selectionData;
    }

    /// <summary>The weight tensor's name in the file.</summary>
    public string WeightName { get; }

    /// <summary>Whether each token selects some of the weight's matrices (experts).</summary>
    public bool IsIndirect => _selection is not null;

    /// <summary>The weight's four dimensions: row length, rows, matrices, outer matrices.</summary>
    public ReadOnlySpan<long> WeightShape => new(_weight->Shape, 4);

    /// <summary>The input's four dimensions, row length first; for an indirect product [row length, slots or 1, tokens, 1].</summary>
    public ReadOnlySpan<long> InputShape => new(_input->Shape, 4);

    /// <summary>Whether the input consists of 32-bit floats.</summary>
    public bool HasFloatInput => _input->Type == 0 && _input->Stride[0] == sizeof(float);

    /// <summary>Identifies the input within the evaluation: products of the same input share it.</summary>
    internal nint InputId => (nint)_input;

    /// <summary>Experts selected per token in an indirect product.</summary>
    public int SelectedExperts => (int)_selection->Shape[0];

    /// <summary>One row of the input.</summary>
    public ReadOnlySpan<float> InputRow(long i1, long i2, long i3)
    {
        if ((ulong)i1 >= (ulong)_input->Shape[1] || (ulong)i2 >= (ulong)_input->Shape[2] || (ulong)i3 >= (ulong)_input->Shape[3])
            throw new ArgumentOutOfRangeException(nameof(i1), $"The input of '{WeightName}' has no row [{i1}, {i2}, {i3}].");
        byte* row = Data(_inputData) + (i1 * (long)_input->Stride[1]) + (i2 * (long)_input->Stride[2]) + (i3 * (long)_input->Stride[3]);
        return new(row, checked((int)_input->Shape[0]));
    }

    /// <summary>The expert a token selected in a slot of an indirect product.</summary>
    public int SelectedExpert(long slot, long token)
    {
        if ((ulong)slot >= (ulong)_selection->Shape[0] || (ulong)token >= (ulong)_selection->Shape[1])
            throw new ArgumentOutOfRangeException(nameof(slot), $"'{WeightName}' has no selection [{slot}, {token}].");
        return *(int*)(Data(_selectionData) + (token * (long)_selection->Stride[1]) + (slot * (long)_selection->Stride[0]));
    }

    private static byte* Data(byte* data) =>
        data is not null ? data : throw new InvalidOperationException("The input has not been computed yet.");
}
