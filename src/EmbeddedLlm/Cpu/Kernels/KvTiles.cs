using System.Numerics.Tensors;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>One layer of the KV cache, as attention writes and reads it: the one place that knows the number formats.</summary>
internal sealed unsafe class KvTiles<TLanes>(KvMemory memory, AttentionSpec spec, int layer) where TLanes : unmanaged, ILanes<TLanes>
{
    /// <summary>The least number that becomes infinite as a half: halfway from the greatest, 65504, to 2^16.</summary>
    private const float HalfLimit = 65520;

    private readonly int _keyStride = memory.KeyStride;
    private readonly bool _hasValues = memory.HasValues(layer);
    private readonly int _valueStride = KvMemory.ValueStride(spec.ValueWidth);

    /// <summary>Floats of scratch memory for <see cref="Write"/>, and for the scales in <see cref="ReadKeys"/> and <see cref="ReadValues"/>.</summary>
    public int ScratchFloats => Math.Max(
        KvMemory.GroupsOf(Math.Max(spec.HeadWidth, spec.ValueWidth)) * KvMemory.GroupLength,
        KvMemory.GroupsOf(_valueStride) * _keyStride);

    /// <summary>Whether a block can be multiplied as it stands: all of its numbers are 16-bit floats, and finite.</summary>
    public bool AreFiniteHalves(int block) => memory.Type == KvType.F16 && !memory.HasSpecials(layer, block);

    /// <summary>Where the keys of a head stand.</summary>
    public byte* Keys(int block, int head) => memory.Keys(layer, block, head);

    /// <summary>Where the values of a head stand.</summary>
    public byte* Values(int block, int head) => memory.Values(layer, block, head);

    /// <summary>Writes one position.</summary>
    /// <param name="key">[HeadWidth].</param>
    /// <param name="value">[ValueWidth]; null where the layer keeps none.</param>
    /// <param name="block">The block.</param>
    /// <param name="place">The place of the position within it.</param>
    /// <param name="head">The KV head.</param>
    /// <param name="scratch">See <see cref="ScratchFloats"/>.</param>
    public void Write(float* key, float* value, int block, int place, int head, float* scratch)
    {
        var keys = Keys(block, head);
        var values = Values(block, head);
        switch (memory.Type)
        {
            case KvType.F16:
                var halves = new Span<Half>(scratch, spec.HeadWidth);
                TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(key, spec.HeadWidth), halves);
                Scatter<Half>(halves, (Half*)keys + place);
                if (_hasValues)
                    TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(value, spec.ValueWidth), new Span<Half>((Half*)values + (nint)place * _valueStride, spec.ValueWidth));
                if (!(Largest(key, spec.HeadWidth) < HalfLimit && (!_hasValues || Largest(value, spec.ValueWidth) < HalfLimit)))
                    memory.SetHasSpecials(layer, block);
                break;
            case KvType.Q8_0:
                WriteBytes(key, spec.HeadWidth, (sbyte*)keys + place, _keyStride, (Half*)memory.KeyScales(layer, block, head) + place, scratch);
                if (_hasValues)
                    WriteBytes(value, spec.ValueWidth, (sbyte*)values + (nint)place * _valueStride, 1, (Half*)memory.ValueScales(layer, block, head) + place, scratch);
                break;
            default:
                Scatter(new ReadOnlySpan<float>(key, spec.HeadWidth), (float*)keys + place);
                if (_hasValues)
                    new ReadOnlySpan<float>(value, spec.ValueWidth).CopyTo(new Span<float>((float*)values + (nint)place * _valueStride, spec.ValueWidth));
                break;
        }
    }

    /// <summary>The keys of a head as floats, [HeadWidth × KeyStride]: where they are, or in <paramref name="target"/>.</summary>
    /// <param name="block">The block.</param>
    /// <param name="head">The KV head.</param>
    /// <param name="target">Memory for them.</param>
    /// <param name="next">The block to be read next.</param>
    public float* ReadKeys(int block, int head, float* target, int next)
    {
        var keys = Keys(block, head);
        if (memory.Type != KvType.Q8_0)
            return Read(keys, block, target, spec.HeadWidth * _keyStride, Keys(next, head));

        // A scale belongs to one position: it is another one in each lane.
        var scales = (ushort*)memory.KeyScales(layer, block, head);
        for (var i = 0; i < spec.HeadWidth; i++)
        {
            var line = scales + i / KvMemory.GroupLength * _keyStride;
            for (var place = 0; place < _keyStride; place += TLanes.Count)
                (TLanes.LoadBytes((sbyte*)keys + i * _keyStride + place) * TLanes.LoadHalf(line + place)).Store(target + i * _keyStride + place);
        }

        return target;
    }

    /// <summary>The values of a head as floats, [BlockTokens × ValueStride]: where they are, or in <paramref name="target"/>.</summary>
    /// <param name="block">The block.</param>
    /// <param name="head">The KV head.</param>
    /// <param name="target">Memory for them.</param>
    /// <param name="next">The block to be read next.</param>
    /// <param name="scratch">See <see cref="ScratchFloats"/>.</param>
    public float* ReadValues(int block, int head, float* target, int next, float* scratch)
    {
        var values = Values(block, head);
        if (memory.Type != KvType.Q8_0)
            return Read(values, block, target, memory.BlockTokens * _valueStride, Values(next, head));

        var halves = (ushort*)memory.ValueScales(layer, block, head);
        var groups = KvMemory.GroupsOf(_valueStride);
        for (var i = 0; i < groups * _keyStride; i += TLanes.Count)
            TLanes.LoadHalf(halves + i).Store(scratch + i);
        for (var place = 0; place < memory.BlockTokens; place++)
        {
            for (var i = 0; i < _valueStride; i += TLanes.Count)
            {
                var scale = TLanes.Fill(scratch[i / KvMemory.GroupLength * _keyStride + place]);
                (TLanes.LoadBytes((sbyte*)values + place * _valueStride + i) * scale).Store(target + place * _valueStride + i);
            }
        }

        return target;
    }

    /// <summary>Values that are the first numbers of keys, [BlockTokens × ValueStride].</summary>
    /// <param name="keys">The keys as floats, see <see cref="ReadKeys"/>.</param>
    /// <param name="target">Memory for the values.</param>
    public float* ReadValuesOf(float* keys, float* target)
    {
        for (var i = 0; i < spec.ValueWidth; i++)
        {
            for (var place = 0; place < memory.BlockTokens; place++)
                target[(nint)place * _valueStride + i] = keys[(nint)i * _keyStride + place];
        }

        return target;
    }

    private float* Read(byte* numbers, int block, float* target, int count, byte* next)
    {
        if (memory.Type == KvType.F32)
            return (float*)numbers;
        if (memory.HasSpecials(layer, block))
        {
            for (var i = 0; i < count; i += TLanes.Count)
                TLanes.LoadHalf((ushort*)numbers + i).Store(target + i);
        }
        else
        {
            for (var i = 0; i < count; i += KvMemory.Padding)
            {
                LaneMath.Prefetch(next + i * sizeof(ushort));
                for (var j = i; j < i + KvMemory.Padding; j += TLanes.Count)
                    TLanes.LoadFiniteHalf((ushort*)numbers + j).Store(target + j);
            }
        }

        return target;
    }

    private void Scatter<T>(ReadOnlySpan<T> key, T* keys) where T : unmanaged
    {
        for (var i = 0; i < key.Length; i++)
            keys[i * _keyStride] = key[i];
    }

    // Numbers go stride apart, scales of one group after the other.
    private void WriteBytes(float* numbers, int width, sbyte* target, int stride, Half* scales, float* scratch)
    {
        new Span<float>(scratch + width, KvMemory.GroupsOf(width) * KvMemory.GroupLength - width).Clear();
        new ReadOnlySpan<float>(numbers, width).CopyTo(new Span<float>(scratch, width));
        var packed = stackalloc byte[ActivationPacker.IntegerGroupBytes];
        for (var first = 0; first < width; first += KvMemory.GroupLength, scales += _keyStride)
        {
            ActivationPacker.PackIntegers(scratch + first, packed, 0, 1);
            *scales = (Half)(*(float*)(packed + KvMemory.GroupLength));
            for (var i = 0; i < Math.Min(KvMemory.GroupLength, width - first); i++)
                target[(nint)(first + i) * stride] = (sbyte)packed[i];
        }
    }

    private static float Largest(float* numbers, int count) => MathF.Abs(TensorPrimitives.MaxMagnitude(new ReadOnlySpan<float>(numbers, count)));
}
