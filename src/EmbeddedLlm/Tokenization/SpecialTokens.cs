using System.Buffers;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// Finds tokens that are written out in a text, before anything else is split: the leftmost one, and of those the longest,
/// as <see href="https://github.com/huggingface/tokenizers">Hugging Face tokenizers</see> does. Linear in the text: a trie behind a scan for first characters.
/// </summary>
internal sealed class SpecialTokens
{
    // A trie node costs some 30 bytes for each character; real vocabularies have less than 100 000 such characters.
    private const int MaxCharacters = 1 << 20;

    private readonly Dictionary<(int Node, char Next), int> _edges = [];
    private readonly List<int> _ids = [-1]; // [nodes]: the token that ends at a node, or -1
    private readonly SearchValues<char> _firsts;

    public SpecialTokens(GgufMetadata metadata, Vocabulary vocabulary, Func<TokenKind, bool> includes)
    {
        var firsts = new HashSet<char>();
        for (var id = 0; id < vocabulary.Count; id++)
        {
            var piece = vocabulary.Piece(id);
            if (piece.Length == 0 || !includes(vocabulary.Kind(id)))
                continue;
            if (_ids.Count + (long)piece.Length > MaxCharacters)
                throw metadata.Wrong(Vocabulary.TokensKey, $"at most {MaxCharacters} characters in special tokens", $"more at token {id}");
            firsts.Add(piece[0]);
            Add(piece, id);
        }
        _firsts = SearchValues.Create([.. firsts]);
    }

    /// <summary>The first special token in a text: where it stands, how long it is, which it is.</summary>
    public bool TryFind(ReadOnlySpan<char> text, out int start, out int length, out int id)
    {
        for (start = 0; start < text.Length; start++)
        {
            var next = text[start..].IndexOfAny(_firsts);
            if (next < 0)
                break;
            start += next;
            (length, id) = LongestAt(text[start..]);
            if (id >= 0)
                return true;
        }
        (length, id) = (0, -1);
        return false;
    }

    private (int Length, int Id) LongestAt(ReadOnlySpan<char> text)
    {
        var (length, id, node) = (0, -1, 0);
        for (var i = 0; i < text.Length && _edges.TryGetValue((node, text[i]), out node); i++)
        {
            if (_ids[node] >= 0)
                (length, id) = (i + 1, _ids[node]);
        }
        return (length, id);
    }

    private void Add(string piece, int id)
    {
        var node = 0;
        foreach (var character in piece)
        {
            if (!_edges.TryGetValue((node, character), out var next))
            {
                next = _ids.Count;
                _ids.Add(-1);
                _edges.Add((node, character), next);
            }
            node = next;
        }
        if (_ids[node] < 0)
            _ids[node] = id;
    }
}
