namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>Adds up the squares of what enters products, column by column. Sums do not depend on the number of threads.</summary>
/// <param name="width">Columns.</param>
/// <param name="matrices">Matrices, each with sums of its own.</param>
internal sealed unsafe class SquareSums(int width, int matrices)
{
    /// <summary>[matrices × width].</summary>
    public double[] Sums { get; } = new double[checked(width * matrices)];

    /// <summary>[matrices] rows that entered.</summary>
    public long[] Counts { get; } = new long[matrices];

    /// <summary>Adds rows to one matrix; each worker its share of the columns.</summary>
    /// <param name="matrix">Which.</param>
    /// <param name="input">[rows × width].</param>
    /// <param name="rows">Indexes of the rows; null for the first ones.</param>
    /// <param name="count">How many rows.</param>
    /// <param name="worker">Who asks.</param>
    public void Add(int matrix, Activations input, int* rows, int count, Worker worker)
    {
        var (start, end) = worker.Share(width);
        var sums = Sums.AsSpan(matrix * width, width)[start..end];
        for (var i = 0; i < count; i++)
        {
            var numbers = new ReadOnlySpan<float>(input.Row(rows is null ? i : rows[i]), width)[start..end];
            for (var column = 0; column < sums.Length; column++)
                sums[column] += (double)numbers[column] * numbers[column];
        }

        if (worker.Index == 0)
            Counts[matrix] += count;
    }
}
