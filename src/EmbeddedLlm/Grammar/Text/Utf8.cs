using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Text;

/// <summary>Writes sets of characters as expressions over their UTF-8 bytes.</summary>
internal static class Utf8
{
    // The ranges whose characters have one length each, without surrogates: RFC 3629.
    private static readonly (int Low, int High, int Length)[] Lengths = [(0, 0x7F, 1), (0x80, 0x7FF, 2), (0x800, 0xD7FF, 3), (0xE000, 0xFFFF, 3), (0x10000, 0x10FFFF, 4)];

    /// <summary>The bytes of one character of a set.</summary>
    /// <param name="pool">Where expressions are made.</param>
    /// <param name="set">The characters.</param>
    /// <param name="withBeyond">
    /// Whether a set that holds the last code point also holds what lies beyond it: the bytes 0xF4 0x90 to 0xFF, which are no UTF-8.
    /// GBNF counts them as characters.
    /// </param>
    public static Expr Encode(ExprPool pool, CodePoints set, bool withBeyond = false)
    {
        var sequences = new List<ByteSet[]>();
        foreach (var (low, high) in set.Ranges)
        {
            foreach (var (from, to, length) in Lengths)
            {
                if (low <= to && high >= from)
                    Split(Math.Max(low, from), Math.Min(high, to), length, sequences);
            }
        }
        if (withBeyond && set.Contains(CodePoints.Max))
        {
            var follows = ByteSet.Range(0x80, 0xBF);
            sequences.Add([ByteSet.Of(0xF4), ByteSet.Range(0x90, 0xBF), follows, follows]);
            sequences.Add([ByteSet.Range(0xF5, 0xFF), follows, follows, follows]);
        }
        return Join(pool, sequences, 0);
    }

    // Sequences that begin alike share their beginning.
    private static Expr Join(ExprPool pool, IEnumerable<ByteSet[]> sequences, int depth) =>
        pool.Alt([.. sequences.GroupBy(bytes => bytes[depth]).Select(group =>
        {
            var longer = group.Where(bytes => bytes.Length > depth + 1).ToList();
            return pool.Seq(pool.Bytes(group.Key), longer.Count == 0 ? pool.Empty : Join(pool, longer, depth + 1));
        })]);

    /// <summary>The characters of a range whose encodings all have one length.</summary>
    private static void Split(int low, int high, int length, List<ByteSet[]> sequences)
    {
        // Split until each byte of the sequence is a range of its own.
        for (var i = 1; i < length; i++)
        {
            var mask = (1 << (6 * i)) - 1;
            if ((low & ~mask) == (high & ~mask))
                continue;
            if ((low & mask) != 0)
            {
                Split(low, low | mask, length, sequences);
                Split((low | mask) + 1, high, length, sequences);
                return;
            }
            if ((high & mask) != mask)
            {
                Split(low, (high & ~mask) - 1, length, sequences);
                Split(high & ~mask, high, length, sequences);
                return;
            }
        }
        var bytes = new ByteSet[length];
        for (var i = 0; i < length; i++)
            bytes[i] = ByteSet.Range(Byte(low, length, i), Byte(high, length, i));
        sequences.Add(bytes);
    }

    private static int Byte(int value, int length, int index)
    {
        var bits = value >> (6 * (length - 1 - index));
        if (index > 0)
            return 0x80 | (bits & 0x3F);
        return length switch { 1 => bits, 2 => 0xC0 | bits, 3 => 0xE0 | bits, _ => 0xF0 | bits };
    }
}
