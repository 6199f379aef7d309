using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Testing;

/// <summary>The paged cache of one layer. Rounds what it stores to the format of the cache.</summary>
internal sealed class ReferenceKv(KvLayer layer, RunnerOptions options)
{
    private readonly float[] _keys = new float[checked(options.KvBlocks * options.KvBlockTokens * layer.KeyWidth)];         // [blocks × tokens × key width]
    private readonly float[] _values = new float[checked(options.KvBlocks * options.KvBlockTokens * layer.ValueWidth)];     // [blocks × tokens × value width]

    public Span<float> Key(ReadOnlySpan<int> blocks, int position) => _keys.AsSpan(Place(blocks, position) * layer.KeyWidth, layer.KeyWidth);

    public Span<float> Value(ReadOnlySpan<int> blocks, int position) => _values.AsSpan(Place(blocks, position) * layer.ValueWidth, layer.ValueWidth);

    public void Write(ReadOnlySpan<int> blocks, int position, ReadOnlySpan<float> key, ReadOnlySpan<float> value)
    {
        Store(key, Key(blocks, position));
        Store(value, Value(blocks, position));
    }

    public void Copy(int from, int to)
    {
        Copy(_keys, from, to, options.KvBlockTokens * layer.KeyWidth);
        Copy(_values, from, to, options.KvBlockTokens * layer.ValueWidth);
    }

    private static void Copy(float[] memory, int from, int to, int length) =>
        memory.AsSpan(from * length, length).CopyTo(memory.AsSpan(to * length, length));

    private int Place(ReadOnlySpan<int> blocks, int position) => blocks[position / options.KvBlockTokens] * options.KvBlockTokens + position % options.KvBlockTokens;

    private void Store(ReadOnlySpan<float> numbers, Span<float> memory)
    {
        for (var i = 0; i < numbers.Length; i++)
            memory[i] = options.KvType == KvType.F16 ? (float)(Half)numbers[i] : numbers[i];
    }
}
