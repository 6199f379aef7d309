using System.Runtime.InteropServices;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Testing;

/// <summary>The paged cache of one layer. Rounds what it stores to the format of the cache.</summary>
internal sealed class ReferenceKv(KvLayer layer, RunnerOptions options)
{
    private readonly float[] _keys = new float[checked(options.KvBlocks * options.KvBlockTokens * layer.Heads * layer.HeadWidth)];          // [blocks × tokens × key row]
    private readonly float[] _values = new float[checked(options.KvBlocks * options.KvBlockTokens * layer.Heads * layer.ValueWidth)];       // [blocks × tokens × value row]

    private int KeyRow => layer.Heads * layer.HeadWidth;

    private int ValueRow => layer.Heads * layer.ValueWidth;

    public Span<float> Key(ReadOnlySpan<int> blocks, int position) => _keys.AsSpan(Place(blocks, position) * KeyRow, KeyRow);

    /// <summary>The value of a head; where the layer has no values they are the first numbers of keys.</summary>
    public ReadOnlySpan<float> Value(ReadOnlySpan<int> blocks, int position, int head, int width) => layer.ValueWidth == 0
        ? Key(blocks, position).Slice(head * layer.HeadWidth, width)
        : _values.AsSpan(Place(blocks, position) * ValueRow + head * width, width);

    public void Write(ReadOnlySpan<int> blocks, int position, ReadOnlySpan<float> key, ReadOnlySpan<float> value)
    {
        Store(key, Key(blocks, position), layer.HeadWidth);
        Store(value, _values.AsSpan(Place(blocks, position) * ValueRow, ValueRow), layer.ValueWidth);
    }

    public void Copy(int from, int to)
    {
        Copy(_keys, from, to, options.KvBlockTokens * KeyRow);
        Copy(_values, from, to, options.KvBlockTokens * ValueRow);
    }

    /// <summary>Bytes of a block.</summary>
    public int BlockBytes => options.KvBlockTokens * (KeyRow + ValueRow) * sizeof(float);

    /// <summary>A block [tokens × key row], [tokens × value row]; zeros behind the positions that were written.</summary>
    public void Read(int block, int positions, Span<byte> bytes)
    {
        var numbers = MemoryMarshal.Cast<byte, float>(bytes);
        numbers.Clear();
        _keys.AsSpan(block * options.KvBlockTokens * KeyRow, positions * KeyRow).CopyTo(numbers);
        _values.AsSpan(block * options.KvBlockTokens * ValueRow, positions * ValueRow).CopyTo(numbers[(options.KvBlockTokens * KeyRow)..]);
    }

    public void Write(int block, ReadOnlySpan<byte> bytes)
    {
        var numbers = MemoryMarshal.Cast<byte, float>(bytes);
        numbers[..(options.KvBlockTokens * KeyRow)].CopyTo(_keys.AsSpan(block * options.KvBlockTokens * KeyRow));
        numbers[(options.KvBlockTokens * KeyRow)..].CopyTo(_values.AsSpan(block * options.KvBlockTokens * ValueRow));
    }

    private static void Copy(float[] memory, int from, int to, int length) =>
        memory.AsSpan(from * length, length).CopyTo(memory.AsSpan(to * length, length));

    private int Place(ReadOnlySpan<int> blocks, int position) => blocks[position / options.KvBlockTokens] * options.KvBlockTokens + position % options.KvBlockTokens;

    private void Store(ReadOnlySpan<float> numbers, Span<float> memory, int headWidth)
    {
        for (var i = 0; i < numbers.Length; i++)
        {
            memory[i] = options.KvType switch
            {
                KvType.F16 => (float)(Half)numbers[i],
                KvType.Q8_0 => ToEightBits(numbers[i], GroupOf(numbers, i, headWidth)),
                _ => numbers[i],
            };
        }
    }

    // The numbers that share a scale with number i: groups of 32 from the begin of each head.
    private static ReadOnlySpan<float> GroupOf(ReadOnlySpan<float> numbers, int i, int headWidth)
    {
        var place = i % headWidth / 32 * 32;
        return numbers.Slice(i / headWidth * headWidth + place, Math.Min(32, headWidth - place));
    }

    private static float ToEightBits(float number, ReadOnlySpan<float> group)
    {
        var largest = 0f;
        foreach (var other in group)
            largest = MathF.Max(largest, MathF.Abs(other));
        var scale = largest / 127;
        return scale == 0 ? 0 : MathF.Round(number / scale) * (float)(Half)scale;
    }
}
