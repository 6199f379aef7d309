using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>
/// Attention over the paged cache, without a score matrix: block by block of the cache with a running maximum and sum
/// (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022).
/// A unit of work is a few rows of one sequence and one KV head with all query heads that share it, so keys and values are read once for them.
/// Each row goes through the blocks of its positions in order and by itself, so its result depends on nothing but its own sequence.
/// </summary>
internal sealed unsafe class AttentionKernel<TLanes> : CpuKernel where TLanes : unmanaged, ILanes<TLanes>
{
    // Query vectors of a unit: many, because keys and values are brought to floats once for all of them. With heads of 64 numbers, each of a unit's
    // products touches about 32 KB.
    private const int UnitVectors = 64;

    // Up to so many query vectors, 16-bit numbers become floats within the product; for more they are brought to floats before.
    private const int FewVectors = 8;

    // As far as a row can see; beyond every position.
    private const int Everything = 1 << 30;

    private readonly AttentionSpec _spec;
    private readonly float[]? _sinks;   // [heads]
    private readonly KvMemory _kv;
    private readonly bool _writes;      // whether keys of the batch go to the cache
    private readonly bool _hasValues;   // whether the cache has values beside keys
    private readonly KvTiles<TLanes> _tiles;
    private readonly Activations _q;
    private readonly Activations _k;
    private readonly Activations _v;
    private readonly Activations _result;
    private readonly int _behind;       // positions that a row sees before its own, and behind it
    private readonly int _ahead;
    private readonly int _blockTokens;
    private readonly int _group;        // query heads per KV head
    private readonly int _unitRows;
    private readonly int _keyStride;
    private readonly int _valueStride;
    private readonly int _scratchBytes;

    public AttentionKernel(Op.Attention op, KvMemory kv, Activations q, Activations k, Activations v, Activations result)
    {
        _spec = op.Spec;
        _sinks = op.Sinks?.ToFloats();
        _kv = kv;
        _writes = op.K is not null;
        _hasValues = kv.HasValues(op.Layer);
        _tiles = new KvTiles<TLanes>(kv, op.Spec, op.Layer);
        (_q, _k, _v, _result) = (q, k, v, result);
        _behind = _spec.Window == 0 ? Everything : _spec.IsCausal ? _spec.Window - 1 : _spec.Window / 2;
        _ahead = _spec.IsCausal ? 0 : _behind;
        _blockTokens = kv.BlockTokens;
        _group = _spec.Heads / _spec.KvHeads;
        _unitRows = Math.Max(1, UnitVectors / _group);
        _keyStride = kv.KeyStride;
        _valueStride = KvMemory.ValueStride(_spec.ValueWidth);

        // Places within a head and within a tile are counted in 32 bits; a tile holds every head.
        Place(null, out var bytes);
        _scratchBytes = bytes <= int.MaxValue
            ? (int)bytes
            : throw new UnsupportedModelException($"Attention over heads of {_spec.HeadWidth} and {_spec.ValueWidth} numbers in blocks of {kv.BlockTokens} positions needs {bytes} bytes for each thread, more than the CPU backend has ({int.MaxValue}).");
    }

    public override int Phases => 2;

    public override int ScratchBytes => _scratchBytes;

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        if (phase == 1)
            Attend(step, worker);
        else if (_writes)
            Remember(step, worker);
    }

    // Writes the keys and values of the batch to the cache.
    private void Remember(CpuStep step, Worker worker)
    {
        var (start, end) = worker.Share(step.Rows * _spec.KvHeads);
        for (var unit = start; unit < end; unit++)
        {
            var (row, head) = (unit / _spec.KvHeads, unit % _spec.KvHeads);
            var position = step.Positions[row];
            var block = step.KvBlocks[step.Slices[step.RowSlices[row]].KvStart + position / _kv.BlockTokens];
            var value = _hasValues ? _v.Row(row) + head * _spec.ValueWidth : null;
            _tiles.Write(_k.Row(row) + head * _spec.HeadWidth, value, block, position % _kv.BlockTokens, head, (float*)worker.Scratch);
        }
    }

    private void Attend(CpuStep step, Worker worker)
    {
        var tile = Place(worker.Scratch, out _);
        for (var i = 0; i < _keyStride; i++)
            tile.Places[i] = i;
        var (slice, sliceRow, sliceUnit) = (0, 0, 0);
        for (var unit = worker.Next(); ; unit = worker.Next())
        {
            // Units grow, so the slice that holds this one is found by going on from the last.
            while (slice < step.SliceCount && unit >= sliceUnit + UnitsOf(step.Slices[slice]))
            {
                sliceUnit += UnitsOf(step.Slices[slice]);
                sliceRow += step.Slices[slice].Rows;
                slice++;
            }

            if (slice == step.SliceCount)
                return;

            // The last rows see most positions: they come first, so that workers end together.
            ref readonly var at = ref step.Slices[slice];
            var first = (UnitsOf(at) - 1 - (unit - sliceUnit)) / _spec.KvHeads * _unitRows;
            tile.Head = (unit - sliceUnit) % _spec.KvHeads;
            tile.Row = sliceRow + first;
            tile.Rows = Math.Min(_unitRows, at.Rows - first);
            tile.Position = at.Past + first;
            tile.Length = at.Past + at.Rows;
            Attend(tile, step.KvBlocks + at.KvStart);
        }
    }

    // Lays a tile's memory out from start on; each part begins a cache line.
    private Tile Place(byte* start, out long bytes)
    {
        var next = 0L;
        float* Take(long floats)
        {
            var part = start + next;
            next = checked(next + (floats + 15) / 16 * 16 * sizeof(float));
            return (float*)part;
        }

        long vectors = _unitRows * _group;
        var tile = new Tile
        {
            Keys = Take((long)_spec.HeadWidth * _keyStride),
            Values = Take((long)_kv.BlockTokens * _valueStride),
            Queries = Take(vectors * _spec.HeadWidth),
            Scores = Take(vectors * _keyStride),
            Sums = Take(vectors * _valueStride),
            Maxima = Take(vectors),
            Totals = Take(vectors * TLanes.Count),
            Factors = Take(vectors),
            Places = Take(_keyStride),
            Scratch = Take(_tiles.ScratchFloats),
        };
        bytes = next;
        return tile;
    }

    private int UnitsOf(in BatchSlice slice) => (slice.Rows + _unitRows - 1) / _unitRows * _spec.KvHeads;

    private void Attend(in Tile tile, int* blocks)
    {
        Begin(tile);
        var length = _blockTokens;
        var last = (_spec.View(tile.Position + tile.Rows - 1, tile.Length).End - 1) / length;
        for (var b = _spec.View(tile.Position, tile.Length).First / length; b <= last; b++)
        {
            // The rows that see something of this block. Later rows see from and up to later positions.
            var start = b * length;
            var begin = 0;
            while (View(tile, begin, start).To <= 0)
                begin++;
            var end = tile.Rows;
            while (View(tile, end - 1, start).From >= length)
                end--;

            var (block, next) = (blocks[b], blocks[Math.Min(b + 1, last)]);
            if ((end - begin) * _group <= FewVectors && _hasValues && _tiles.AreFiniteHalves(block))
            {
                Score<HalfNumber<TLanes>>(tile, begin, end, start, _tiles.Keys(block, tile.Head), _tiles.Keys(next, tile.Head));
                Sum<HalfNumber<TLanes>>(tile, begin, end, start, _tiles.Values(block, tile.Head), _tiles.Values(next, tile.Head));
            }
            else
            {
                var keys = _tiles.ReadKeys(block, tile.Head, tile.Keys, next);
                Score<SingleNumber<TLanes>>(tile, begin, end, start, (byte*)keys, null);
                var values = _hasValues ? _tiles.ReadValues(block, tile.Head, tile.Values, next, tile.Scratch) : _tiles.ReadValuesOf(keys, tile.Values);
                Sum<SingleNumber<TLanes>>(tile, begin, end, start, (byte*)values, null);
            }
        }

        Finish(tile);
    }

    // Rows begin … end − 1 meet the keys of the block that starts at this position; then their scores become weights.
    private void Score<TNumber>(in Tile tile, int begin, int end, int start, byte* keys, byte* next) where TNumber : struct, ITileNumber<TLanes>
    {
        TileProduct<TLanes>.Run<TNumber>(
            tile.Queries + begin * _group * _spec.HeadWidth, _spec.HeadWidth, keys, _keyStride,
            tile.Scores + begin * _group * _keyStride, _keyStride, null, (end - begin) * _group, _spec.HeadWidth, _keyStride, next);

        for (var row = begin; row < end; row++)
        {
            var view = View(tile, row, start);
            if (_spec.SoftCap > 0 || _spec.AlibiBias > 0)
                Adjust(tile, row, start);
            for (var vector = row * _group; vector < (row + 1) * _group; vector++)
                Weigh(tile, vector, view);
        }
    }

    // The weighted sums of the block's values join those of the blocks before.
    private void Sum<TNumber>(in Tile tile, int begin, int end, int start, byte* values, byte* next) where TNumber : struct, ITileNumber<TLanes>
    {
        for (var row = begin; row < end;)
        {
            // Rows that see the same of the block go together. The others go alone: what they do not see they must not touch, not even with weight 0.
            var (from, to) = View(tile, row, start);
            var vector = row * _group;
            row = View(tile, end - 1, start) == (from, to) ? end : row + 1;
            while (row < end && View(tile, row, start) == (from, to))
                row++;
            TileProduct<TLanes>.Run<TNumber>(
                tile.Scores + vector * _keyStride + from, _keyStride, values + (nint)from * _valueStride * TNumber.Bytes, _valueStride,
                tile.Sums + vector * _valueStride, _valueStride, tile.Factors + vector, row * _group - vector, to - from, _valueStride, next);
        }
    }

    // What a row of the tile sees of the block that begins at start: places From … To − 1. From is at or behind the block's end, or To at or before 0, if nothing.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (int From, int To) View(in Tile tile, int row, int start)
    {
        var place = tile.Position + row - start;
        return (Math.Max(0, place - _behind), Math.Min(_blockTokens, place + 1 + Math.Min(_ahead, tile.Length - 1 - tile.Position - row)));
    }

    private void Begin(in Tile tile)
    {
        for (var row = 0; row < tile.Rows; row++)
        {
            var scale = _spec.Scale;
            if (_spec.TemperatureScale != 0)
                scale *= (float)(1 + _spec.TemperatureScale * Math.Log(1 + Math.Floor((double)(tile.Position + row) / _spec.TemperatureLength)));
            var length = _group * _spec.HeadWidth;
            TensorPrimitives.Multiply(
                new ReadOnlySpan<float>(_q.Row(tile.Row + row) + tile.Head * length, length), scale, new Span<float>(tile.Queries + row * length, length));
        }

        var vectors = tile.Rows * _group;
        new Span<float>(tile.Maxima, vectors).Fill(float.NegativeInfinity);
        new Span<float>(tile.Totals, vectors * TLanes.Count).Clear();
        new Span<float>(tile.Sums, vectors * _valueStride).Clear();
    }

    // What is done to scores before they are compared: the soft cap, then the loss by distance.
    private void Adjust(in Tile tile, int row, int start)
    {
        for (var head = 0; head < _group; head++)
        {
            var scores = tile.Scores + (row * _group + head) * _keyStride;
            var slope = _spec.AlibiBias > 0 ? TLanes.Fill(-_spec.AlibiSlope(tile.Head * _group + head)) : TLanes.Fill(0);
            var offset = TLanes.Fill(start - (tile.Position + row));
            for (var i = 0; i < _keyStride; i += TLanes.Count)
            {
                var score = TLanes.Load(scores + i);
                if (_spec.SoftCap > 0)
                    score = LaneMath.Tanh(score * TLanes.Fill(1 / _spec.SoftCap)) * TLanes.Fill(_spec.SoftCap);
                TLanes.MultiplyAdd(slope, TLanes.Abs(TLanes.Load(tile.Places + i) + offset), score).Store(scores + i);
            }
        }
    }

    // Scores become weights e^(score − maximum so far); Factors gets what all earlier weights must be multiplied by.
    private void Weigh(in Tile tile, int vector, (int From, int To) view)
    {
        var scores = tile.Scores + vector * _keyStride;
        for (var i = 0; i < view.From; i++)
            scores[i] = float.NegativeInfinity;
        for (var i = view.To; i < _keyStride; i++)
            scores[i] = float.NegativeInfinity;

        var greatest = TLanes.Load(scores);
        for (var i = TLanes.Count; i < _keyStride; i += TLanes.Count)
            greatest = TLanes.Max(greatest, TLanes.Load(scores + i));

        // A new maximum is rare once many positions have been seen.
        var maximum = tile.Maxima[vector];
        var factor = 1f;
        if (TLanes.AnyAbove(greatest, TLanes.Fill(maximum)))
        {
            var earlier = maximum;
            maximum = MathF.Max(earlier, TLanes.Max(greatest));
            factor = MathF.Exp(earlier - maximum);
            tile.Maxima[vector] = maximum;
        }

        tile.Factors[vector] = factor;
        var total = TLanes.Load(tile.Totals + vector * TLanes.Count) * TLanes.Fill(factor);
        for (var i = 0; i < _keyStride; i += TLanes.Count)
        {
            var weights = LaneMath.Exp(TLanes.Load(scores + i) - TLanes.Fill(maximum));
            weights.Store(scores + i);
            total += weights;
        }

        total.Store(tile.Totals + vector * TLanes.Count);
    }

    private void Finish(in Tile tile)
    {
        for (var row = 0; row < tile.Rows; row++)
        {
            for (var head = 0; head < _group; head++)
            {
                var vector = row * _group + head;
                var total = TLanes.Sum(TLanes.Load(tile.Totals + vector * TLanes.Count));
                if (_sinks is not null)
                    total += MathF.Exp(_sinks[tile.Head * _group + head] - tile.Maxima[vector]);
                var target = new Span<float>(_result.Row(tile.Row + row) + (tile.Head * _group + head) * _spec.ValueWidth, _spec.ValueWidth);
                TensorPrimitives.Multiply(new ReadOnlySpan<float>(tile.Sums + vector * _valueStride, _spec.ValueWidth), 1 / total, target);
            }
        }
    }

    /// <summary>One unit of work: rows Row … of the batch, of one sequence, from Position on; and the worker's memory for it.</summary>
    private struct Tile
    {
        public int Row, Rows, Position, Length, Head;
        public float* Keys;         // [HeadWidth × keyStride]
        public float* Values;       // [block × valueStride]
        public float* Queries;      // [vectors × HeadWidth], scaled
        public float* Scores;       // [vectors × keyStride]
        public float* Sums;         // [vectors × valueStride]
        public float* Maxima;       // [vectors]
        public float* Totals;       // [vectors × lanes], the sum of weights in parts
        public float* Factors;      // [vectors]
        public float* Places;       // [keyStride] 0, 1, 2, …
        public float* Scratch;      // for KvTiles
    }
}
