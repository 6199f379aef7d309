namespace EmbeddedLlm.Cpu;

/// <summary>A value of the graph bound to its memory: [rows × <paramref name="width"/>] floats, row behind row, or a part of each. The memory of whole rows is 64-byte aligned.</summary>
/// <param name="data">The first row.</param>
/// <param name="width">Numbers in a row.</param>
/// <param name="picked">Whether only the rows behind <c>PickRows</c> stand here.</param>
/// <param name="stride">Numbers from one row to the next; 0 for the width.</param>
internal readonly unsafe struct Activations(float* data, int width, bool picked = false, int stride = 0)
{
    /// <summary>The first row.</summary>
    public readonly float* Data = data;

    /// <summary>Numbers in a row.</summary>
    public readonly int Width = width;

    private readonly int _stride = stride == 0 ? width : stride;

    /// <summary>Whether only the rows behind <c>PickRows</c> stand here.</summary>
    public readonly bool IsPicked = picked;

    /// <summary>The row of this index.</summary>
    public float* Row(int row) => Data + (nint)row * _stride;

    /// <summary>How many rows this value has in <paramref name="step"/>.</summary>
    public int RowsIn(CpuStep step) => step.RowsOf(IsPicked);
}
