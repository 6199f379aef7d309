using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Graph;

/// <summary>
/// A weight matrix [<see cref="Rows"/> × <see cref="Columns"/>] as it stands in the file, or a stack of <see cref="Experts"/> such matrices.
/// A vector (a bias, a gain) is one row.
/// </summary>
/// <param name="Name">GGUF name without the suffix <c>.weight</c>, such as <c>blk.0.attn_q</c>; also the name of the adapter site.</param>
/// <param name="Format">The number format of the rows.</param>
/// <param name="Columns">Numbers in a row: the width of the input. A multiple of the format's block length.</param>
/// <param name="Rows">Rows of one matrix: the width of the output.</param>
/// <param name="Storage">Where the bytes are.</param>
/// <param name="Offset">Byte offset of the first row in the storage.</param>
/// <param name="Experts">Matrices stacked behind each other; 1 for an ordinary weight.</param>
public sealed record Weight(string Name, BlockFormat Format, int Columns, int Rows, WeightStorage Storage, long Offset, int Experts = 1)
{
    /// <summary>Bytes of a row.</summary>
    public int RowBytes => checked((int)Format.RowBytes(Columns));

    /// <summary>Bytes of all rows of all experts.</summary>
    public long Bytes => (long)RowBytes * Rows * Experts;

    /// <summary>The bytes of one row; rows of expert e begin at <c>e · Rows</c>.</summary>
    public ReadOnlySpan<byte> Row(long row) => Storage.Slice(Offset + row * RowBytes, RowBytes);

    /// <summary>Writes row <paramref name="row"/> as floats to <paramref name="values"/> [Columns].</summary>
    public void DequantizeRow(long row, Span<float> values) => Format.Dequantize(Row(row), values);

    /// <summary>A view of <paramref name="count"/> rows from <paramref name="first"/> on, as used for fused tensors.</summary>
    public Weight Slice(int first, int count, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Rows - first);
        return this with { Name = name, Rows = count, Offset = Offset + (long)first * RowBytes };
    }

    /// <summary>All numbers, row by row. Meant for vectors and small matrices.</summary>
    public float[] ToFloats()
    {
        var values = new float[checked(Columns * Rows * Experts)];
        for (var row = 0; row < Rows * Experts; row++)
            DequantizeRow(row, values.AsSpan(row * Columns, Columns));
        return values;
    }
}
