using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// BPE over characters (<c>gemma4</c> and others by their pre-tokenizer): spaces are written ▁, the characters of a line merge by the ranks
/// of the merge list, and those without a token become byte tokens, or are left out where the vocabulary has none.
/// </summary>
internal sealed class CharacterPairTokenizer : Tokenizer
{
    private readonly Vocabulary _vocabulary;
    private readonly PreTokenizer _preTokenizer;
    private readonly MergeTable _merges;
    private readonly ByteTokens _byteTokens;
    private readonly WordCache _cache = new();

    public CharacterPairTokenizer(GgufMetadata metadata, PreTokenizer preTokenizer)
        : this(metadata, preTokenizer, new Vocabulary(metadata, addsBos: preTokenizer.AddsBos))
    {
    }

    private CharacterPairTokenizer(GgufMetadata metadata, PreTokenizer preTokenizer, Vocabulary vocabulary)
        : base(metadata, vocabulary, new TokenBytes(metadata, vocabulary, SpaceMark.Spell))
    {
        _vocabulary = vocabulary;
        _preTokenizer = preTokenizer;
        _merges = new MergeTable(metadata, vocabulary);
        _byteTokens = new ByteTokens(vocabulary);
    }

    private protected override void EncodeText(ReadOnlySpan<char> text, bool atStart, List<int> ids)
    {
        var rented = ArrayPool<char>.Shared.Rent(text.Length);
        var normal = rented.AsSpan(0, text.Length);
        text.Replace(normal, ' ', SpaceMark.Mark);
        SpaceMark.ReplaceLoneSurrogates(normal);
        var at = 0;
        foreach (var end in _preTokenizer.Split(normal))
        {
            // Where no merge reaches over the end of a word, words can be encoded, and remembered, one by one.
            for (ReadOnlySpan<char> line = normal[at..end]; !line.IsEmpty;)
            {
                var word = _merges.CrossesSpaces ? line : line[..SpaceMark.WordEnd(line)];
                line = line[word.Length..];
                if (_cache.TryAppend(word, ids))
                    continue;
                var start = ids.Count;
                EncodeWord(word, ids);
                _cache.Add(word, CollectionsMarshal.AsSpan(ids)[start..]);
            }
            at = end;
        }
        ArrayPool<char>.Shared.Return(rented);
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids)
    {
        if (word[0] == '\n' && _preTokenizer.KeepsLineEnds && _merges.Find(word) is >= 0 and var lineEnds && lineEnds < _vocabulary.Count)
        {
            ids.Add(lineEnds);
            return;
        }
        var merger = SymbolMerger.Rent();
        for (var start = 0; start < word.Length;)
        {
            Rune.DecodeFromUtf16(word[start..], out _, out var length);
            merger.Add(start, length, _merges.Find(word.Slice(start, length)));
            start += length;
        }
        merger.Merge(_merges.Rules);
        for (var index = 0; merger.TryRead(ref index, out var symbol);)
        {
            if (symbol.Id >= 0 && symbol.Id < _vocabulary.Count)
                ids.Add(symbol.Id);
            else
                _byteTokens.TryAppend(word.Slice(symbol.Start, symbol.Length), ids);
        }
        merger.Return();
    }
}
