using EmbeddedLlm.Backends;

namespace EmbeddedLlm.Tests.Embeddings;

/// <summary>A runner whose result for a row is (token, position, rows of its slice).</summary>
internal sealed class TokenRunner(int kvBlocks = 64) : IModelRunner
{
    public const int Width = 3;

    /// <summary>Called before a batch runs; may throw or block.</summary>
    public Action? BeforeRun { get; set; }

    /// <summary>The first tokens of the slices of each batch.</summary>
    public List<int[]> Batches { get; } = [];

    public int KvBlocks => kvBlocks;

    public void Run(in Batch batch, Span<float> logits)
    {
        BeforeRun?.Invoke();
        var rows = new List<float[]>();
        var firsts = new List<int>();
        foreach (var slice in batch.Slices)
        {
            Assert.Equal(0, slice.Past);
            firsts.Add(batch.Tokens[rows.Count]);
            for (var i = 0; i < slice.Rows; i++)
                rows.Add([batch.Tokens[rows.Count], i, slice.Rows]);
        }

        Batches.Add([.. firsts]);
        Assert.Equal(batch.KvBlocks.Length, batch.KvBlocks.ToArray().Distinct().Count());
        for (var i = 0; i < batch.OutputRows.Length; i++)
            rows[batch.OutputRows[i]].CopyTo(logits[(i * Width)..]);
    }

    public void CopyKvBlock(int from, int to) => throw new NotSupportedException();

    public void CopyState(int from, int to) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
