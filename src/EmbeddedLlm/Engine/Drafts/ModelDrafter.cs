using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using EmbeddedLlm.Backends;
using EmbeddedLlm.KvCache;

namespace EmbeddedLlm.Engine.Drafts;

/// <summary>
/// Drafts what a smaller model of the same vocabulary thinks most probable. It reads what was decided since its last draft, then writes
/// token by token, all sequences together. Its KV memory is its own; who finds no room there goes without a draft.
/// </summary>
/// <param name="runner">The small model, made for <paramref name="sizes"/>. It stays the caller's to dispose.</param>
/// <param name="sizes">Its sizes; its vocabulary is that of the model that verifies.</param>
internal sealed class ModelDrafter(IModelRunner runner, EngineOptions sizes) : IDrafter
{
    private const int MaxSequences = EngineOptions.MaxVerifiedRows;         // a draft needs a row beside that of its sequence

    private readonly BlockPool _pool = new(runner.KvBlocks, sizes.KvBlockTokens);
    private readonly BatchBuilder _batch = new(sizes.MaxBatchRows, MaxSequences, MaxSequences);
    private readonly float[] _logits = new float[MaxSequences * sizes.VocabularySize];
    private readonly Dictionary<Sequence, Reader> _readers = [];
    private readonly List<Reader> _drafting = [], _going = [];

    /// <inheritdoc/>
    public void Draft(ReadOnlySpan<Sequence> sequences)
    {
        _drafting.Clear();
        foreach (var sequence in sequences)
            if (sequence.Count + sequence.DraftRoom <= sizes.ContextLength && TryOpen(sequence) is { } reader)
                _drafting.Add(reader);

        _going.Clear();
        _going.AddRange(_drafting);
        while (_going.Count > 0)
            Run();
        foreach (var reader in _drafting)
            reader.Remember();
    }

    /// <inheritdoc/>
    public void Close(Sequence sequence)
    {
        if (!_readers.Remove(sequence, out var reader))
            return;
        reader.Rewind();
        reader.Table.Close(sequence.Tokens, reader.Computed);
    }

    // Finds or opens the KV blocks of a sequence; null if they do not fit.
    private Reader? TryOpen(Sequence sequence)
    {
        if (_readers.TryGetValue(sequence, out var reader))
        {
            reader.Rewind();
            reader.Table.OfferFull(sequence.Tokens, reader.Computed);
        }
        else
        {
            var table = new BlockTable(_pool, key: 0);
            if (!table.TryOpen(sequence.Tokens, _readers.Count, out var cached, out var copyFrom, out var copyTo))
                return null;
            if (copyTo != BlockPool.None)
                runner.CopyKvBlock(copyFrom, copyTo);
            _readers.Add(sequence, reader = new(sequence, table) { Computed = cached });
        }
        return reader.TryGrow() ? reader : null;
    }

    // One batch: the first reads, the others write. Who has not read to the end goes on with the next draft.
    private void Run()
    {
        _batch.Clear();
        for (var i = 0; i < _going.Count; i++)
        {
            var (reader, left) = (_going[i], _going.Count - i);
            var rows = Math.Min(reader.Unread.Length, (_batch.FreeRows + left - 1) / left);
            _batch.Add(reader.Unread[..rows], reader.Computed, reader.Table.Blocks, outputs: 1);
        }
        var logits = _logits.AsSpan(0, _batch.Outputs * sizes.VocabularySize);
        runner.Run(_batch.Batch, logits);

        var kept = 0;
        for (var i = 0; i < _going.Count; i++)
        {
            var (reader, sequence) = (_going[i], _going[i].Sequence);
            reader.Computed += _batch.Rows(i);
            if (!reader.Unread.IsEmpty)
                continue;
            sequence.AppendDraft(TensorPrimitives.IndexOfMax<float>(logits.Slice(i * sizes.VocabularySize, sizes.VocabularySize)));
            if (sequence.DraftRoom > 0)
                _going[kept++] = reader;
        }
        _going.RemoveRange(kept, _going.Count - kept);
    }

    /// <summary>How far the small model has read a sequence and its draft.</summary>
    private sealed class Reader(Sequence sequence, BlockTable table)
    {
        private readonly List<int> _draft = [];                             // what followed after _count tokens when it was last read
        private int _count = sequence.Count;

        public Sequence Sequence { get; } = sequence;

        public BlockTable Table { get; } = table;

        /// <summary>Positions computed, those of the draft included.</summary>
        public int Computed { get; set; }

        public ReadOnlySpan<int> Unread => Sequence.TokensAndDraft[Computed..];

        /// <summary>Takes blocks for the tokens and the draft; false if they are not free.</summary>
        public bool TryGrow()
        {
            while (Table.Positions < Sequence.Count + Sequence.DraftRoom)
                if (!Table.TryGrow())
                    return false;
            return true;
        }

        /// <summary>Notes the draft, which may turn out to be wrong.</summary>
        public void Remember()
        {
            _count = Sequence.Count;
            _draft.Clear();
            _draft.AddRange(Sequence.Draft);
        }

        /// <summary>Goes back to where the draft was wrong, and before the last token, whose logits begin the next one.</summary>
        public void Rewind()
        {
            var right = Sequence.Tokens[_count..].CommonPrefixLength(CollectionsMarshal.AsSpan(_draft));
            Computed = Math.Min(Computed, Math.Min(_count + right, Sequence.Count - 1));
        }
    }
}
