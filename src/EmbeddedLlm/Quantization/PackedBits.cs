using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Quantization;

/// <summary>Small numbers that share bytes: the same bits of many bytes, 16 at a time. Spans have a multiple of 16 bytes.</summary>
internal static class PackedBits
{
    /// <summary><c>values[i] = bytes[i] &gt;&gt; shift &amp; (2^count − 1)</c></summary>
    public static void Read(ReadOnlySpan<byte> bytes, int shift, int count, Span<byte> values)
    {
        ref var source = ref MemoryMarshal.GetReference(bytes);
        ref var target = ref MemoryMarshal.GetReference(values[..bytes.Length]);
        for (nuint i = 0; i < (nuint)bytes.Length; i += (nuint)Vector128<byte>.Count)
            Field(ref source, i, shift, count).StoreUnsafe(ref target, i);
    }

    /// <summary><c>values[i] |= (bytes[i] &gt;&gt; shift &amp; (2^count − 1)) &lt;&lt; place</c></summary>
    public static void Join(ReadOnlySpan<byte> bytes, int shift, int count, Span<byte> values, int place)
    {
        ref var source = ref MemoryMarshal.GetReference(bytes);
        ref var target = ref MemoryMarshal.GetReference(values[..bytes.Length]);
        for (nuint i = 0; i < (nuint)bytes.Length; i += (nuint)Vector128<byte>.Count)
            (Vector128.LoadUnsafe(ref target, i) | (Field(ref source, i, shift, count) << place)).StoreUnsafe(ref target, i);
    }

    private static Vector128<byte> Field(ref byte source, nuint index, int shift, int count) =>
        (Vector128.LoadUnsafe(ref source, index) >>> shift) & Vector128.Create((byte)((1 << count) - 1));
}
