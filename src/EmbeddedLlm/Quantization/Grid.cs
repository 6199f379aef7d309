using System.Buffers.Binary;

namespace EmbeddedLlm.Quantization;

/// <summary>
/// A set of short vectors of small digits: a format names one of them by its number instead of several numbers one by one. Vectors are numbered in
/// ascending order of their digits, the first digit counting least.
/// </summary>
internal sealed class Grid
{
    private readonly ulong[] _vectors;      // a byte for each digit, the first digit lowest
    private readonly short[] _places;       // of every possible vector: its number in the grid, or −1

    /// <summary>Makes the grid from its set.</summary>
    /// <param name="radix">Digits are 0 … radix − 1.</param>
    /// <param name="width">Digits in a vector: 4 or 8.</param>
    /// <param name="members">A bit for each of the radix^width vectors, lowest first, in Base64: whether it is in the grid.</param>
    public Grid(int radix, int width, string members)
    {
        Radix = radix;
        Width = width;
        var bits = Convert.FromBase64String(members);
        var vectors = new List<ulong>();
        _places = new short[8 * bits.Length];
        for (var number = 0; number < _places.Length; number++)
        {
            _places[number] = -1;
            if ((bits[number / 8] >> number % 8 & 1) == 0)
                continue;
            _places[number] = (short)vectors.Count;
            var vector = 0ul;
            for (var (place, rest) = (0, number); place < width; place++, rest /= radix)
                vector |= (ulong)(rest % radix) << 8 * place;
            vectors.Add(vector);
        }

        _vectors = [.. vectors];
    }

    /// <summary>How many vectors.</summary>
    public int Count => _vectors.Length;

    /// <summary>Digits are 0 … radix − 1.</summary>
    public int Radix { get; }

    /// <summary>Digits in a vector.</summary>
    public int Width { get; }

    /// <summary>One digit of a vector.</summary>
    public int Digit(int vector, int place) => (int)(_vectors[vector] >> 8 * place & 0xFF);

    /// <summary>The number of the vector with these digits; −1 where it is not in the grid.</summary>
    public int Find(ReadOnlySpan<int> digits)
    {
        var number = 0;
        for (var place = Width - 1; place >= 0; place--)
            number = Radix * number + digits[place];
        return _places[number];
    }

    /// <summary>Writes a vector of eight digits as quants. Bit i of <paramref name="signs"/> becomes bit 3 of quant i.</summary>
    public void Read(int vector, int signs, Span<byte> quants) => Write(_vectors[vector], signs, quants);

    /// <summary>Writes two vectors of four digits as eight quants. Bit i of <paramref name="signs"/> becomes bit 3 of quant i.</summary>
    public void Read(int first, int second, int signs, Span<byte> quants) => Write(_vectors[first] | _vectors[second] << 32, signs, quants);

    private static void Write(ulong digits, int signs, Span<byte> quants)
    {
        // Byte i keeps bit i of the signs, which the addition carries into bit 7 of that byte.
        var bits = (ulong)(byte)signs * 0x0101010101010101 & 0x8040201008040201;
        var places = (bits + 0x7F7F7F7F7F7F7F7F & 0x8080808080808080) >> 4;
        BinaryPrimitives.WriteUInt64LittleEndian(quants, digits | places);
    }
}
