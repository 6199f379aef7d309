using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// Byte-level BPE (<c>gpt2</c>): the text is split into words, the bytes of a word merge by the ranks of the merge list
/// (<see href="https://arxiv.org/abs/1508.07909">Sennrich et al. 2016</see>). Bytes that no token spells are left out, as everywhere in the field.
/// </summary>
internal sealed class BytePairTokenizer : Tokenizer
{
    private readonly Vocabulary _vocabulary;
    private readonly PreTokenizer _preTokenizer;
    private readonly WordCache _cache = new();
    private readonly int[] _byteIds = new int[256]; // -1: neither a token nor in a merge

    private readonly MergeTable _merges;

    public BytePairTokenizer(GgufMetadata metadata, PreTokenizer preTokenizer)
        : this(metadata, preTokenizer, new Vocabulary(metadata, addsBos: preTokenizer.AddsBos))
    {
    }

    private BytePairTokenizer(GgufMetadata metadata, PreTokenizer preTokenizer, Vocabulary vocabulary)
        : base(metadata, vocabulary, new TokenBytes(metadata, vocabulary, ByteLevelAlphabet.Spell))
    {
        _vocabulary = vocabulary;
        _preTokenizer = preTokenizer;
        GuessesPreTokenizer = !metadata.Contains(PreTokenizers.Key);
        _merges = new MergeTable(metadata, vocabulary);
        for (var value = 0; value < 256; value++)
            _byteIds[value] = _merges.Find([ByteLevelAlphabet.Character((byte)value)]);
    }

    internal override bool GuessesPreTokenizer { get; }

    private protected override bool CleansSpaces => _preTokenizer.CleansSpaces;

    private protected override void EncodeText(ReadOnlySpan<char> text, bool atStart, List<int> ids)
    {
        var at = 0;
        foreach (var end in _preTokenizer.Split(text))
        {
            var word = text[at..end];
            at = end;
            if (_cache.TryAppend(word, ids))
                continue;
            var start = ids.Count;
            EncodeWord(word, ids);
            _cache.Add(word, CollectionsMarshal.AsSpan(ids)[start..]);
        }
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids)
    {
        var most = Encoding.UTF8.GetMaxByteCount(word.Length);
        var rented = most > 256 ? ArrayPool<byte>.Shared.Rent(most) : null;
        var buffer = rented ?? stackalloc byte[256];
        var bytes = buffer[..Encoding.UTF8.GetBytes(word, buffer)];
        if (!_preTokenizer.PrefersWholeWords || !TryAppendWhole(bytes, ids))
            MergeBytes(bytes, ids);
        if (rented is not null)
            ArrayPool<byte>.Shared.Return(rented);
    }

    private bool TryAppendWhole(ReadOnlySpan<byte> bytes, List<int> ids)
    {
        if (bytes.Length > 256)
            return false;
        Span<char> spelled = stackalloc char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            spelled[i] = ByteLevelAlphabet.Character(bytes[i]);
        if (!_vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(spelled, out var id) || !_vocabulary.IsText(id))
            return false;
        ids.Add(id);
        return true;
    }

    private void MergeBytes(ReadOnlySpan<byte> bytes, List<int> ids)
    {
        var merger = SymbolMerger.Rent();
        for (var i = 0; i < bytes.Length; i++)
            merger.Add(i, 1, _byteIds[bytes[i]]);
        merger.Merge(_merges.Rules);
        for (var index = 0; merger.TryRead(ref index, out var symbol);)
        {
            if (IsToken(symbol.Id))
            {
                ids.Add(symbol.Id);
                continue;
            }
            foreach (var value in bytes.Slice(symbol.Start, symbol.Length))
            {
                if (IsToken(_byteIds[value]))
                    ids.Add(_byteIds[value]);
            }
        }
        merger.Return();
    }

    private bool IsToken(int id) => id >= 0 && id < _vocabulary.Count;
}
