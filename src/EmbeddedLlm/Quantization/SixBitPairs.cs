namespace EmbeddedLlm.Quantization;

/// <summary>
/// Eight scales and eight minimums of 6 bits in 12 bytes, as Q4_K and Q5_K store them: bytes 0–3 hold scales 0–3, bytes 4–7 minimums 0–3,
/// in their lower six bits; bytes 8–11 hold the lower four bits of scales 4–7 (low nibble) and minimums 4–7 (high nibble),
/// whose upper two bits stand on top of bytes 0–7.
/// </summary>
internal struct SixBitPairs
{
    private Bytes12 _bytes;

    public static SixBitPairs Pack(ReadOnlySpan<sbyte> scales, ReadOnlySpan<byte> mins)
    {
        var pairs = default(SixBitPairs);
        for (var i = 0; i < 4; i++)
        {
            pairs._bytes[i] = (byte)((byte)scales[i] | scales[i + 4] >> 4 << 6);
            pairs._bytes[i + 4] = (byte)(mins[i] | mins[i + 4] >> 4 << 6);
            pairs._bytes[i + 8] = (byte)(scales[i + 4] & 15 | mins[i + 4] << 4);
        }

        return pairs;
    }

    public readonly void Unpack(Span<sbyte> scales, Span<byte> mins)
    {
        for (var i = 0; i < 4; i++)
        {
            scales[i] = (sbyte)(_bytes[i] & 63);
            mins[i] = (byte)(_bytes[i + 4] & 63);
            scales[i + 4] = (sbyte)(_bytes[i + 8] & 15 | _bytes[i] >> 6 << 4);
            mins[i + 4] = (byte)(_bytes[i + 8] >> 4 | _bytes[i + 4] >> 6 << 4);
        }
    }
}
