using System.Collections.Immutable;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu;

/// <summary>
/// The states of recurrent steps: [slot][layer][rows × stride] floats, rows padded to <see cref="Padding"/>, so that kernels need not treat their ends apart.
/// All layers of a slot lie together: copying a state is one copy.
/// </summary>
internal sealed unsafe class StateMemory : IDisposable
{
    /// <summary>Rows are padded to multiples of this, four of the widest registers.</summary>
    public const int Padding = 64;

    private readonly AlignedMemory _memory;
    private readonly int _slots;
    private readonly ImmutableArray<StateLayer> _layers;
    private readonly ImmutableArray<long> _offsets;     // of each layer in a slot, in floats
    private readonly long _slotFloats;

    /// <summary>Takes the memory.</summary>
    public StateMemory(ImmutableArray<StateLayer> layers, RunnerOptions options)
    {
        _layers = layers;
        _slots = layers.IsEmpty ? 0 : options.StateSlots;
        var offsets = ImmutableArray.CreateBuilder<long>(layers.Length);
        foreach (var layer in layers)
        {
            offsets.Add(_slotFloats);
            _slotFloats = checked(_slotFloats + (long)layer.Rows * StrideOf(layer.Columns));
        }

        _offsets = offsets.MoveToImmutable();
        _memory = new AlignedMemory(checked(_slotFloats * _slots * sizeof(float)));
    }

    /// <summary>Floats from one row of so many numbers to the next.</summary>
    public static int StrideOf(int columns) => checked(columns + Padding - 1) / Padding * Padding;

    /// <summary>Where the rows of a state begin.</summary>
    public float* Rows(int layer, int slot) => (float*)_memory.Start + slot * _slotFloats + _offsets[layer];

    /// <summary>
    /// Begins the state of a slice: rows <paramref name="firstRow"/> … + <paramref name="rows"/> − 1 of <c>StateTo</c>, and of these a part, become zeros or what <c>StateFrom</c> holds.
    /// </summary>
    public float* Begin(int layer, in BatchSlice slice, int firstRow, int rows, int firstColumn, int columns)
    {
        var stride = StrideOf(_layers[layer].Columns);
        var place = (long)firstRow * stride + firstColumn;
        var to = Rows(layer, slice.StateTo) + place;
        var from = Rows(layer, slice.StateFrom) + place;
        if (slice.Past != 0 && from == to)
            return to;
        for (var row = 0L; row < rows; row++)
        {
            var target = new Span<float>(to + row * stride, columns);
            if (slice.Past == 0)
                target.Clear();
            else
                new ReadOnlySpan<float>(from + row * stride, columns).CopyTo(target);
        }

        return to;
    }

    /// <summary>Copies the states of all layers.</summary>
    public void Copy(int from, int to)
    {
        if (_layers.IsEmpty)
            return;
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)from, (uint)_slots, nameof(from));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)to, (uint)_slots, nameof(to));
        var bytes = _slotFloats * sizeof(float);
        Buffer.MemoryCopy(_memory.Start + from * bytes, _memory.Start + to * bytes, bytes, bytes);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
