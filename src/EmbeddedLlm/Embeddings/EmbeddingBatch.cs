using System.Numerics.Tensors;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Embeddings;

/// <summary>The texts of one step, laid behind each other without padding, and the way back from rows to vectors.</summary>
/// <param name="sizes">What a step may hold.</param>
/// <param name="kvBlocks">KV blocks of the runner; all are free when a step begins.</param>
internal sealed class EmbeddingBatch(EmbeddingSizes sizes, int kvBlocks)
{
    private readonly List<int> _tokens = [];
    private readonly List<int> _outputRows = [];
    private readonly List<BatchSlice> _slices = [];
    private readonly List<(EmbeddingRequest Request, int Place)> _owners = [];
    private readonly int[] _blocks = [.. Enumerable.Range(0, kvBlocks)];
    private int _blocksUsed;

    public int Rows => _tokens.Count;

    public IEnumerable<EmbeddingRequest> Requests => _owners.Select(owner => owner.Request).Distinct();

    public void Clear()
    {
        _tokens.Clear();
        _outputRows.Clear();
        _slices.Clear();
        _owners.Clear();
        _blocksUsed = 0;
    }

    /// <summary>Takes the next text of a request, if there is room.</summary>
    public bool TryTake(EmbeddingRequest request)
    {
        var text = request.Next;
        var blocks = (text.Length + sizes.KvBlockTokens - 1) / sizes.KvBlockTokens;
        if (_owners.Count > 0 && (_owners.Count == sizes.MaxTexts || _tokens.Count + text.Length > sizes.BatchTokens || _blocksUsed + blocks > kvBlocks))
            return false;

        _slices.Add(new BatchSlice(text.Length, 0, _blocksUsed, blocks) { StateTo = _slices.Count });
        _blocksUsed += blocks;
        var outputs = sizes.OutputRowsOf(text.Length);
        var isLast = sizes.Pooling == Pooling.Last || (sizes.Pooling == Pooling.Rank && sizes.RanksLast);
        _outputRows.AddRange(Enumerable.Range(_tokens.Count + (isLast ? text.Length - 1 : 0), outputs));
        _tokens.AddRange(text);
        _owners.Add((request, request.Take()));
        return true;
    }

    /// <summary>Computes the step and gives each text its vector.</summary>
    /// <param name="runner">The model.</param>
    /// <param name="rows">Memory for the result: [most output rows × width].</param>
    public void Run(IModelRunner runner, Span<float> rows)
    {
        runner.Run(
            new Batch { Tokens = _tokens.ToArray(), Slices = _slices.ToArray(), KvBlocks = _blocks.AsSpan(0, _blocksUsed), OutputRows = _outputRows.ToArray() },
            rows[..(_outputRows.Count * sizes.Width)]);

        for (var i = 0; i < _owners.Count; i++)
        {
            var count = sizes.OutputRowsOf(_slices[i].Rows);
            var (request, place) = _owners[i];
            request.Set(place, Mean(rows[..(count * sizes.Width)]));
            rows = rows[(count * sizes.Width)..];
        }
    }

    private float[] Mean(ReadOnlySpan<float> rows)
    {
        var mean = rows[..sizes.Width].ToArray();
        for (var start = sizes.Width; start < rows.Length; start += sizes.Width)
            TensorPrimitives.Add(mean, rows.Slice(start, sizes.Width), mean);
        if (rows.Length > sizes.Width)
            TensorPrimitives.Divide(mean, rows.Length / sizes.Width, mean);
        return mean;
    }
}
