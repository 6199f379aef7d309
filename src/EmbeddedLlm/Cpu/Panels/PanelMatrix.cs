using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Panels;

/// <summary>
/// A weight (or a stack of them) as panels of interleaved rows, and its product with packed activations. The panels are packed once and kept, or they are
/// packed again for each product, by the worker that needs them, so that the file stays the only copy. The results are the same bits.
/// </summary>
internal sealed unsafe class PanelMatrix : IDisposable
{
    /// <summary>Bytes that memory is read in; panels and their parts begin with one.</summary>
    public const int CacheLine = 64;

    /// <summary>
    /// How far ahead products ask for weights. A core cannot look further ahead by itself than its few hundred instructions in flight, which is less than
    /// the time that memory takes. Panels follow one another, so the end of one asks for the begin of the next.
    /// </summary>
    public const int ReadAhead = 12 * 1024;

    /// <summary>Panels that stay in the second-level cache while columns pass by.</summary>
    private const int BlockBytes = 256 * 1024;

    /// <summary>Columns of a panel that go through the nearest cache; whole blocks of every format.</summary>
    private const int PartColumns = 512;

    private readonly Tier _tier;
    private readonly Weight _weight;
    private readonly int _lanes;            // rows of a panel
    private readonly int _sumBytes;
    private readonly int _offset;
    private readonly nint _scaleBytes;      // of a panel
    private readonly nint _panelBytes;
    private readonly delegate*<byte*, byte*, byte*, float*, int, int, byte*, nint, void>[] _products;
    private readonly delegate*<byte*, nint, nint, byte*, byte*, uint*, void> _transpose;
    private byte* _data;                    // null where the file is the only copy

    /// <summary>Packs <paramref name="weight"/> for <paramref name="tier"/>, in parallel.</summary>
    /// <param name="tier">The instruction set.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="keepInFile">Whether to pack only to see that every panel can be packed, and to keep none.</param>
    /// <exception cref="NotSupportedException">There is no panel for the format, see <see cref="Tier.Holds"/>.</exception>
    public PanelMatrix(Tier tier, Weight weight, bool keepInFile = false)
    {
        if (!tier.Holds(weight.Format))
            throw new NotSupportedException($"No panel holds {weight.Format}.");
        _tier = tier;
        _weight = weight;
        Shape = PanelShape.Of(weight.Format);
        Width = weight.Columns;
        Rows = weight.Rows;
        _lanes = tier.RowsOf(Shape);
        Panels = (int)((weight.Rows + _lanes - 1L) / _lanes);
        _offset = Shape.IsFloat ? 0 : weight.Format.QuantOffset;
        _sumBytes = (int)Align((long)tier.MaxColumns * _lanes * sizeof(float));
        // Only products that add to their sums take panels in parts, see Tier.Product.
        _transpose = _lanes == tier.Rows ? PanelPacker.Transposer(tier, weight) : null;
        _products =
        [
            tier.Product(Shape, 1),
            tier.Product(Shape, 2),
            tier.Product(Shape, 4),
            tier.Product(Shape, 8),
        ];
        var (scaleBytes, quantBytes) = PartBytes(Shape, Width, _lanes);
        _scaleBytes = checked((nint)scaleBytes);
        _panelBytes = checked((nint)(scaleBytes + quantBytes));
        ScratchBytes = keepInFile ? checked(_sumBytes + (int)Math.Max(BlockBytes, _panelBytes)) : _sumBytes;

        var panels = (long)Panels * weight.Experts;
        if (!keepInFile)
        {
            Bytes = checked(panels * _panelBytes);
            _data = (byte*)NativeMemory.AlignedAlloc(checked((nuint)Bytes), CacheLine);
        }

        try
        {
            Parallel.For(0, panels, new ParallelOptions { MaxDegreeOfParallelism = ProcessorCores.Count }, () => keepInFile ? new AlignedMemory(_panelBytes) : null, (panel, _, memory) =>
            {
                Pack((int)(panel / Panels), (int)(panel % Panels), memory is null ? _data + (nint)panel * _panelBytes : memory.Start);
                return memory;
            }, memory => memory?.Dispose());
        }
        catch (AggregateException exception)
        {
            Dispose();
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }

        if (!keepInFile)
            weight.Storage.GiveBack(weight.Offset, weight.Bytes);
    }

    /// <summary>What the panels store.</summary>
    public PanelShape Shape { get; }

    /// <summary>Numbers in a row: the width of the input.</summary>
    public int Width { get; }

    /// <summary>Rows of one matrix: the width of the output.</summary>
    public int Rows { get; }

    /// <summary>Panels of one matrix.</summary>
    public int Panels { get; }

    /// <summary>Bytes of all panels that are kept.</summary>
    public long Bytes { get; }

    /// <summary>Bytes of scratch memory that <see cref="Multiply"/> uses.</summary>
    public int ScratchBytes { get; }

    /// <summary>
    /// Multiplies packed activations by the rows of panels <paramref name="start"/> … <paramref name="end"/> − 1: <c>output = columns · rowsᵀ + bias</c>.
    /// </summary>
    /// <param name="columns">Activations packed as the shape asks, see <see cref="ActivationPacker"/>.</param>
    /// <param name="count">How many activation rows.</param>
    /// <param name="expert">Which matrix of the stack.</param>
    /// <param name="start">First panel.</param>
    /// <param name="end">Behind the last panel.</param>
    /// <param name="bias">[Rows], or empty.</param>
    /// <param name="output">[count × Rows].</param>
    /// <param name="scratch">Scratch memory of the worker, see <see cref="ScratchBytes"/>: [columns × lanes] sums, then panels that are not kept.</param>
    public void Multiply(byte* columns, int count, int expert, int start, int end, ReadOnlySpan<float> bias, float* output, byte* scratch)
    {
        var isKept = _data != null;
        if (!isKept && count <= _tier.MaxColumns)
        {
            MultiplyOneByOne(columns, count, expert, start, end, bias, output, scratch);
            return;
        }

        var columnBytes = ActivationPacker.RowBytes(Width, Shape.IsFloat);
        // A few tiles of columns pass over one panel after the other, so that memory is read as evenly as they multiply.
        var block = count <= 2 * _tier.MaxColumns ? 1 : (int)Math.Max(1, BlockBytes / _panelBytes);
        for (var first = start; first < end; first += block)
        {
            var last = Math.Min(first + block, end);
            var panels = isKept ? _data + ((nint)expert * Panels + first) * _panelBytes : scratch + _sumBytes;
            for (var panel = first; panel < last && !isKept; panel++)
                Pack(expert, panel, panels + (panel - first) * _panelBytes);
            for (var row = 0; row < count; row += _tier.MaxColumns)
            {
                var tile = ActivationPacker.TileColumns(row, count, _tier.MaxColumns);
                var product = _products[BitOperations.Log2((uint)tile)];
                for (var panel = first; panel < last; panel++)
                {
                    var scales = panels + (panel - first) * _panelBytes;
                    new Span<float>(scratch, tile * _lanes).Clear();
                    product(scales, scales + _scaleBytes, columns + row * columnBytes, (float*)scratch, Width, _offset, scales + ReadAhead, _panelBytes);
                    Write((float*)scratch, panel * _lanes, bias, Math.Min(tile, count - row), output + (nint)row * Rows);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_data);
        _data = null;
    }

    /// <summary>Bytes of the two parts of a panel of <paramref name="lanes"/> rows, see <see cref="PanelPacker"/>.</summary>
    internal static (long Scales, long Quants) PartBytes(PanelShape shape, int width, int lanes) => checked((
        Align((long)width / shape.BlockLength * shape.ScaleBytes * lanes),
        Align((shape.IsFloat ? width : (long)width / PanelShape.GroupColumns) * shape.QuantBytes * lanes)));

    private static long Align(long bytes) => checked(bytes + CacheLine - 1) / CacheLine * CacheLine;

    // Panels that meet one tile of columns only: each is packed where the last one was.
    private void MultiplyOneByOne(byte* columns, int count, int expert, int start, int end, ReadOnlySpan<float> bias, float* output, byte* scratch)
    {
        var sums = (float*)scratch;
        var panelAt = scratch + _sumBytes;
        var tile = ActivationPacker.TileColumns(0, count, _tier.MaxColumns);
        for (var panel = start; panel < end; panel++)
        {
            new Span<float>(sums, tile * _lanes).Clear();
            var (row, rows) = RowsOf(expert, panel);
            if (_transpose != null && rows == _lanes)
            {
                MultiplyInParts(columns, tile, row, panel + 1 < end, sums, panelAt);
            }
            else
            {
                Pack(expert, panel, panelAt);
                _products[BitOperations.Log2((uint)tile)](panelAt, panelAt + _scaleBytes, columns, sums, Width, _offset, panelAt, _panelBytes);
            }

            Write(sums, panel * _lanes, bias, count, output);
        }
    }

    // Packed and multiplied part by part, so that what is packed stays in the nearest cache. Meanwhile the rows behind these come from memory.
    private void MultiplyInParts(byte* columns, int tile, long row, bool hasNext, float* sums, byte* scales)
    {
        var rows = _lanes;
        var product = _products[BitOperations.Log2((uint)tile)];
        var part = Shape.IsFloat ? Width : Math.Min(Width, PartColumns);    // floats have two sums, which only the end of a row adds
        var quants = scales + PartBytes(Shape, part, rows).Scales;
        var carries = stackalloc uint[rows];
        new Span<uint>(carries, rows).Clear();
        fixed (byte* source = _weight.Storage.Slice(_weight.Offset + row * _weight.RowBytes, checked(rows * _weight.RowBytes)))
        {
            var from = source;
            var ahead = hasNext ? source + (nint)rows * _weight.RowBytes : scales;
            for (var column = 0; column < Width; column += part)
            {
                // Half of what comes next is asked for before packing, half while multiplying.
                var width = Math.Min(part, Width - column);
                var blocks = width / _weight.Format.Length;
                var aheadBytes = (nint)blocks * _weight.Format.BlockBytes * rows / 2;
                _tier.Prefetch(ahead, aheadBytes);
                _transpose(from, _weight.RowBytes, blocks, scales, quants, carries);
                from += blocks * _weight.Format.BlockBytes;
                ahead += aheadBytes;
                product(scales, quants, columns, sums, width, _offset, ahead, aheadBytes);
                columns += (nint)(width / PanelShape.GroupColumns) * tile * ActivationPacker.IntegerGroupBytes;
                ahead += aheadBytes;
            }
        }

        PanelPacker.ThrowIfNotFinite(_weight, row, new(carries, rows));
    }

    private (long First, int Count) RowsOf(int expert, int panel) =>
        ((long)expert * Rows + panel * _lanes, Math.Min(_lanes, Rows - panel * _lanes));

    private void Pack(int expert, int panel, byte* place)
    {
        var (row, rows) = RowsOf(expert, panel);
        if (rows < _lanes)
            NativeMemory.Clear(place, (nuint)_panelBytes);
        PanelPacker.Pack(_tier, _weight, Shape, row, rows, place, place + _scaleBytes);
    }

    private void Write(float* sums, int place, ReadOnlySpan<float> bias, int count, float* output)
    {
        var lanes = Math.Min(_lanes, Rows - place);
        for (var column = 0; column < count; column++)
        {
            var target = new Span<float>(output + (nint)column * Rows + place, lanes);
            new ReadOnlySpan<float>(sums + column * _lanes, lanes).CopyTo(target);
            if (!bias.IsEmpty)
                TensorPrimitives.Add(target, bias.Slice(place, lanes), target);
        }
    }
}
