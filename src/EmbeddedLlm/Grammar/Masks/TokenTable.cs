using System.Runtime.CompilerServices;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Grammar.Masks;

/// <summary>
/// A vocabulary as masks need it: the tokens that write text, as a tree, and cut into slices. A slice is what free text is made of;
/// where a grammar allows free text, the slice is allowed as a whole and only the other tokens are walked. Made once for each tokenizer.
/// </summary>
internal sealed class TokenTable
{
    // Longer bounds on a text are rarely near enough to matter for a token.
    private const int MaxPlainLength = 40;

    private static readonly ConditionalWeakTable<Tokenizer, TokenTable> Tables = [];

    private readonly Tokenizer _tokenizer;

    private TokenTable(Tokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        Count = tokenizer.VocabularySize;
        Words = (Count + 63) / 64;
        Ends = Mask(tokenizer.EndOfGeneration);
        var tokens = new List<(int Id, byte[] Bytes)>();
        for (var id = 0; id < Count; id++)
        {
            var bytes = tokenizer.GetBytes(id);
            // A byte of zero is no text, and a control token is none though its name has letters.
            if (!bytes.IsEmpty && bytes[0] != 0 && bytes.Length <= ushort.MaxValue && !tokenizer.IsSpecial(id) && !tokenizer.EndOfGeneration.Contains(id))
                tokens.Add((id, bytes.ToArray()));
        }
        tokens.Sort((x, y) => x.Bytes.AsSpan().SequenceCompareTo(y.Bytes) is var order and not 0 ? order : x.Id.CompareTo(y.Id));
        Trie = new TokenTrie(tokens);
        var slices = tokens.ConvertAll(token => (token.Id, Place: Slice.Find(token.Bytes)));
        PlainUpTo = new ulong[Math.Min(slices.Select(token => token.Place.Length).DefaultIfEmpty(0).Max(), MaxPlainLength) + 1][];
        for (var length = 0; length < PlainUpTo.Length; length++)
            PlainUpTo[length] = Mask(slices.Where(token => token.Place.Slice >= 0 && token.Place.Length <= length).Select(token => token.Id));
        Slices = new ulong[Slice.All.Count][];
        Remainders = new TokenTrie[Slice.All.Count];
        for (var i = 0; i < Slices.Length; i++)
        {
            bool Holds(int index) => slices[index].Place.Slice is var slice and >= 0 && slice <= i;
            Slices[i] = Mask(slices.Where((_, index) => Holds(index)).Select(token => token.Id));
            Remainders[i] = new TokenTrie([.. tokens.Where((_, index) => !Holds(index))]);
        }
    }

    /// <summary>Tokens of the vocabulary.</summary>
    public int Count { get; }

    /// <summary>64-bit words of a mask.</summary>
    public int Words { get; }

    /// <summary>The tokens that end an answer.</summary>
    public ulong[] Ends { get; }

    /// <summary>All tokens that write text.</summary>
    public TokenTrie Trie { get; }

    /// <summary>Masks of the tokens of the last slice that are no longer than so many characters.</summary>
    public ulong[][] PlainUpTo { get; }

    /// <summary>Masks of the slices, and the trees of the tokens outside each.</summary>
    public ulong[][] Slices { get; }

    public TokenTrie[] Remainders { get; }

    public static TokenTable For(Tokenizer tokenizer) => Tables.GetValue(tokenizer, t => new TokenTable(t));

    /// <summary>Whether a token ends the answer.</summary>
    public bool IsEnd(int id) => (Ends[id >> 6] >> id & 1) != 0;

    /// <summary>The bytes that a token writes into a text; none for control tokens.</summary>
    public ReadOnlySpan<byte> Text(int id) => _tokenizer.IsSpecial(id) ? [] : _tokenizer.GetBytes(id);

    /// <summary>The id of a token by its text in the vocabulary.</summary>
    public bool TryGetId(string piece, out int id) => _tokenizer.TryGetId(piece, out id);

    /// <summary>The usual tokens of a text.</summary>
    public int[] Encode(string text) => _tokenizer.Encode(text, addSpecial: false, parseSpecial: false);

    private ulong[] Mask(IEnumerable<int> ids)
    {
        var mask = new ulong[Words];
        foreach (var id in ids)
            mask[id >> 6] |= 1UL << id;
        return mask;
    }
}
