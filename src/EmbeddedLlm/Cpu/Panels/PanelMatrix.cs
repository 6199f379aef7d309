using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Panels;

/// <summary>A weight (or a stack of them) packed into panels of interleaved rows, and its product with packed activations.</summary>
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

    private readonly Tier _tier;
    private readonly int _lanes;            // rows of a panel
    private readonly int _offset;
    private readonly nint _scaleBytes;      // of a panel
    private readonly nint _panelBytes;
    private readonly delegate*<byte*, byte*, byte*, float*, int, int, void>[] _products;
    private byte* _data;

    /// <summary>Packs <paramref name="weight"/> for <paramref name="tier"/>, in parallel.</summary>
    /// <exception cref="NotSupportedException">There is no panel for the format, see <see cref="Tier.Holds"/>.</exception>
    public PanelMatrix(Tier tier, Weight weight)
    {
        if (!tier.Holds(weight.Format))
            throw new NotSupportedException($"No panel holds {weight.Format}.");
        _tier = tier;
        Shape = PanelShape.Of(weight.Format);
        Width = weight.Columns;
        Rows = weight.Rows;
        _lanes = tier.RowsOf(Shape);
        Panels = (int)((weight.Rows + _lanes - 1L) / _lanes);
        _offset = Shape.IsFloat ? 0 : weight.Format.QuantOffset;
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

        var panels = (long)Panels * weight.Experts;
        Bytes = checked(panels * _panelBytes);
        _data = (byte*)NativeMemory.AlignedAlloc(checked((nuint)Bytes), CacheLine);
        try
        {
            Parallel.For(0, panels, new ParallelOptions { MaxDegreeOfParallelism = ProcessorCores.Count }, panel =>
            {
                var place = _data + (nint)panel * _panelBytes;
                var (expert, row) = (panel / Panels, (int)(panel % Panels) * _lanes);
                var rows = Math.Min(_lanes, Rows - row);
                if (rows < _lanes)
                    NativeMemory.Clear(place, (nuint)_panelBytes);
                PanelPacker.Pack(weight, Shape, expert * Rows + row, rows, _lanes, place, place + _scaleBytes);
            });
        }
        catch (AggregateException exception)
        {
            Dispose();
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }

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

    /// <summary>Bytes of all panels.</summary>
    public long Bytes { get; }

    /// <summary>Bytes of scratch memory that <see cref="Multiply"/> uses.</summary>
    public static int ScratchBytes => 8 * 16 * sizeof(float);

    /// <summary>
    /// Multiplies packed activations by the rows of panels <paramref name="start"/> … <paramref name="end"/> − 1: <c>output = columns · rowsᵀ + bias</c>.
    /// </summary>
    /// <param name="columns">Activations packed as the shape asks, see <see cref="ActivationPacker"/>.</param>
    /// <param name="count">How many activation rows.</param>
    /// <param name="expert">Which matrix of the stack.</param>
    /// <param name="start">First panel.</param>
    /// <param name="end">Behind the last panel.</param>
    /// <param name="bias">[Rows], or none.</param>
    /// <param name="output">[count × Rows].</param>
    /// <param name="sums">Scratch memory of the worker, see <see cref="ScratchBytes"/>.</param>
    public void Multiply(byte* columns, int count, int expert, int start, int end, float[]? bias, float* output, float* sums)
    {
        var columnBytes = ActivationPacker.RowBytes(Width, Shape.IsFloat);
        var panels = _data + (nint)expert * Panels * _panelBytes;

        // A few tiles of columns pass over one panel after the other, so that memory is read as evenly as they multiply.
        var block = count <= 2 * _tier.MaxColumns ? 1 : (int)Math.Max(1, BlockBytes / _panelBytes);
        for (var first = start; first < end; first += block)
        {
            var last = Math.Min(first + block, end);
            for (var row = 0; row < count; row += _tier.MaxColumns)
            {
                var tile = ActivationPacker.TileColumns(row, count, _tier.MaxColumns);
                var product = _products[BitOperations.Log2((uint)tile)];
                for (var panel = first; panel < last; panel++)
                {
                    var scales = panels + panel * _panelBytes;
                    product(scales, scales + _scaleBytes, columns + row * columnBytes, sums, Width, _offset);
                    Write(sums, panel * _lanes, bias, Math.Min(tile, count - row), output + (nint)row * Rows);
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

    private void Write(float* sums, int place, float[]? bias, int count, float* output)
    {
        var lanes = Math.Min(_lanes, Rows - place);
        for (var column = 0; column < count; column++)
        {
            var target = new Span<float>(output + (nint)column * Rows + place, lanes);
            new ReadOnlySpan<float>(sums + column * _lanes, lanes).CopyTo(target);
            if (bias != null)
                TensorPrimitives.Add(target, bias.AsSpan(place, lanes), target);
        }
    }
}
