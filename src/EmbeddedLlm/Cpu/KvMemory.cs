using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu;

/// <summary>
/// The KV cache: [block][layer][KV head]{ keys [HeadWidth × positions], values [positions × ValueWidth] }.
/// Keys stand transposed, so that a register holds one number of many positions; positions and value widths are padded to <see cref="Padding"/>.
/// In Q8_0, groups of <see cref="GroupLength"/> numbers of one key or value share a scale, a half; scales stand behind the numbers they belong to.
/// All layers of a block lie together: copying a block is one copy.
/// </summary>
internal sealed unsafe class KvMemory : IDisposable
{
    /// <summary>Positions of keys and widths of values are padded to multiples of this, two of the widest registers.</summary>
    public const int Padding = 32;

    /// <summary>Numbers of a key or value that share a scale in Q8_0; the last group of a key may be shorter.</summary>
    public const int GroupLength = 32;

    private readonly AlignedMemory _memory;
    private readonly bool[] _hasSpecials;       // [blocks × layers]
    private readonly ImmutableArray<KvLayer> _layers;
    private readonly ImmutableArray<long> _layerOffsets;
    private readonly long _blockBytes;

    /// <summary>Takes the memory.</summary>
    /// <param name="layers">The shape of each layer.</param>
    /// <param name="options">Number, length and format of the blocks.</param>
    public KvMemory(ImmutableArray<KvLayer> layers, RunnerOptions options)
    {
        Blocks = options.KvBlocks;
        BlockTokens = options.KvBlockTokens;
        Type = options.KvType;
        KeyStride = Padded(BlockTokens);
        _layers = layers;

        var offsets = ImmutableArray.CreateBuilder<long>(layers.Length);
        foreach (var layer in layers)
        {
            offsets.Add(_blockBytes);
            _blockBytes = checked(_blockBytes + HeadBytes(layer) * layer.Heads);
        }

        _layerOffsets = offsets.MoveToImmutable();
        _hasSpecials = new bool[checked(Blocks * layers.Length)];
        _memory = new AlignedMemory(checked(_blockBytes * Blocks));
    }

    /// <summary>How many blocks there are.</summary>
    public int Blocks { get; }

    /// <summary>Positions in a block.</summary>
    public int BlockTokens { get; }

    /// <summary>The number format.</summary>
    public KvType Type { get; }

    /// <summary>Numbers from one row of keys (one d of all positions) to the next.</summary>
    public int KeyStride { get; }

    /// <summary>Numbers from the value of one position to that of the next.</summary>
    public static int ValueStride(int valueWidth) => Padded(valueWidth);

    /// <summary>The keys of a head: [HeadWidth × <see cref="KeyStride"/>] numbers of <see cref="Type"/>.</summary>
    public byte* Keys(int layer, int block, int head) =>
        _memory.Start + block * _blockBytes + _layerOffsets[layer] + head * HeadBytes(_layers[layer]);

    /// <summary>The values of a head: [<see cref="BlockTokens"/> × <see cref="ValueStride"/>] numbers of <see cref="Type"/>.</summary>
    public byte* Values(int layer, int block, int head) => Keys(layer, block, head) + KeyBytes(_layers[layer]);

    /// <summary>The scales of <see cref="Keys"/> in Q8_0: [groups of the head × <see cref="KeyStride"/>] halves.</summary>
    public byte* KeyScales(int layer, int block, int head) => Keys(layer, block, head) + (long)_layers[layer].HeadWidth * KeyStride;

    /// <summary>The scales of <see cref="Values"/> in Q8_0: [groups of a value × <see cref="KeyStride"/>] halves.</summary>
    public byte* ValueScales(int layer, int block, int head) => Values(layer, block, head) + (long)BlockTokens * ValueStride(_layers[layer].ValueWidth);

    /// <summary>Whether the layer keeps values; otherwise they are the first numbers of keys.</summary>
    public bool HasValues(int layer) => _layers[layer].ValueWidth > 0;

    /// <summary>How many scales a key of so many numbers has.</summary>
    public static int GroupsOf(int width) => (width + GroupLength - 1) / GroupLength;

    /// <summary>Whether numbers that are not finite were ever written to this layer of a block: not to be read as finite ones.</summary>
    public bool HasSpecials(int layer, int block) => _hasSpecials[block * _layers.Length + layer];

    /// <summary>Notes that a number is not finite.</summary>
    public void SetHasSpecials(int layer, int block) => _hasSpecials[block * _layers.Length + layer] = true;

    /// <summary>Copies a block of all layers.</summary>
    public void CopyBlock(int from, int to)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)from, (uint)Blocks, nameof(from));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)to, (uint)Blocks, nameof(to));
        Buffer.MemoryCopy(_memory.Start + from * _blockBytes, _memory.Start + to * _blockBytes, _blockBytes, _blockBytes);
        _hasSpecials.AsSpan(from * _layers.Length, _layers.Length).CopyTo(_hasSpecials.AsSpan(to * _layers.Length));
    }

    /// <summary>Bytes of <see cref="ReadBlock"/>: the block, then a flag for each layer, whether it has numbers that are not finite.</summary>
    public long SavedBytes => _blockBytes + _layers.Length;

    /// <summary>Copies a block of all layers out of the cache.</summary>
    /// <param name="block">The block.</param>
    /// <param name="positions">The positions that were written; others and the padding become zeros.</param>
    /// <param name="bytes">[<see cref="SavedBytes"/>]</param>
    public void ReadBlock(int block, int positions, Span<byte> bytes)
    {
        Require(block, bytes.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)positions, (uint)BlockTokens, nameof(positions));
        Whole(block).CopyTo(bytes);
        for (var layer = 0; layer < _layers.Length; layer++)
        {
            for (var head = 0; head < _layers[layer].Heads; head++)
                ClearUnwritten(bytes.Slice((int)(_layerOffsets[layer] + head * HeadBytes(_layers[layer])), (int)HeadBytes(_layers[layer])), _layers[layer], positions);
            bytes[(int)_blockBytes + layer] = HasSpecials(layer, block) ? (byte)1 : (byte)0;
        }
    }

    /// <summary>Copies what <see cref="ReadBlock"/> gave into the cache.</summary>
    public void WriteBlock(int block, ReadOnlySpan<byte> bytes)
    {
        Require(block, bytes.Length);
        bytes[..(int)_blockBytes].CopyTo(Whole(block));
        for (var layer = 0; layer < _layers.Length; layer++)
            _hasSpecials[block * _layers.Length + layer] = bytes[(int)_blockBytes + layer] != 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private Span<byte> Whole(int block) => new(_memory.Start + block * _blockBytes, (int)_blockBytes);

    private void Require(int block, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)block, (uint)Blocks, nameof(block));
        ArgumentOutOfRangeException.ThrowIfNotEqual(length, SavedBytes);
    }

    private void ClearUnwritten(Span<byte> head, KvLayer layer, int positions)
    {
        var scaleBytes = Type == KvType.Q8_0 ? sizeof(ushort) : 0;
        var keys = layer.HeadWidth * KeyStride * NumberBytes;
        ClearColumns(head[..keys], KeyStride * NumberBytes, positions * NumberBytes);
        ClearColumns(head[keys..(int)KeyBytes(layer)], KeyStride * scaleBytes, positions * scaleBytes);

        var values = head[(int)KeyBytes(layer)..];
        var stride = ValueStride(layer.ValueWidth) * NumberBytes;
        var written = positions * stride;
        ClearColumns(values[..written], stride, layer.ValueWidth * NumberBytes);
        values[written..(BlockTokens * stride)].Clear();
        ClearColumns(values[(BlockTokens * stride)..], KeyStride * scaleBytes, positions * scaleBytes);
    }

    // What stands in each row from a column on.
    private static void ClearColumns(Span<byte> rows, int rowBytes, int column)
    {
        if (column == rowBytes)
            return;
        for (; rows.Length > 0; rows = rows[rowBytes..])
            rows[column..rowBytes].Clear();
    }

    private static int Padded(int count) => checked(count + Padding - 1) / Padding * Padding;

    private int NumberBytes => Type switch { KvType.Q8_0 => sizeof(sbyte), KvType.F16 => sizeof(ushort), _ => sizeof(float) };

    private long KeyBytes(KvLayer layer) => checked((long)layer.HeadWidth * KeyStride * NumberBytes + ScaleBytes(layer.HeadWidth));

    private long HeadBytes(KvLayer layer) =>
        checked(KeyBytes(layer) + (long)BlockTokens * ValueStride(layer.ValueWidth) * NumberBytes + ScaleBytes(ValueStride(layer.ValueWidth)));

    // Of all positions of a head.
    private long ScaleBytes(int width) => Type == KvType.Q8_0 ? (long)GroupsOf(width) * KeyStride * sizeof(ushort) : 0;
}
