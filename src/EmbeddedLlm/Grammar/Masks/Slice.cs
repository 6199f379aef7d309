using System.Buffers;
using System.Text;
using EmbeddedLlm.Grammar.Text;

namespace EmbeddedLlm.Grammar.Masks;

/// <summary>The tokens that are whole characters of a set, none of which JSON escapes, and at most so many.</summary>
/// <param name="Characters">The set.</param>
/// <param name="MaxLength">The most characters; -1 for any number.</param>
internal sealed record Slice(CodePoints Characters, int MaxLength)
{
    private static readonly CodePoints Lowercase = CodePoints.Range('a', 'z');
    private static readonly CodePoints Letters = Lowercase.Union(CodePoints.Range('A', 'Z'));

    /// <summary>The characters that stand for themselves in a JSON string, without the control character among them.</summary>
    public static CodePoints Plain { get; } = CodePoints.Range(0x20, 0x7E).Union(CodePoints.Range(0x80, CodePoints.Max)).Except(CodePoints.Of('"', '\\'));

    /// <summary>All slices. Each holds the one before, so a number says which.</summary>
    public static IReadOnlyList<Slice> All { get; } = [new(Lowercase, 10), new(Letters, 10), new(Plain, 10), new(Plain, 30), new(Plain, -1)];

    /// <summary>The slices whose tokens are no longer than so many characters of a set or of one that the set holds.</summary>
    public static int CountUpTo(CodePoints characters, int length)
    {
        var count = 0;
        for (var i = 0; i < All.Count; i++)
            count = All[i].Characters == characters && All[i].Fits(length) ? i + 1 : count;
        return count;
    }

    /// <summary>The first slice that holds a token, or -1, and the characters of the token.</summary>
    public static (int Slice, int Length) Find(ReadOnlySpan<byte> token)
    {
        var first = 0;
        var length = 0;
        while (!token.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(token, out var rune, out var bytes) != OperationStatus.Done)
                return (-1, 0);
            while (!All[first].Characters.Contains(rune.Value))
            {
                if (++first == All.Count)
                    return (-1, 0);
            }
            token = token[bytes..];
            length++;
        }
        while (All[first].MaxLength is var max and >= 0 && length > max)
            first++;
        return (first, length);
    }

    // A bound of no length, -1, is above all.
    private bool Fits(int length) => length < 0 || (MaxLength >= 0 && MaxLength <= length);
}
