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
    private readonly int[] _byteIds = new int[256];

    // Merges by the ids of their sides. Texts that are no token get ids past the vocabulary: they may still be steps on the way to one.
    private readonly Dictionary<Pair, (uint Rank, int Id)> _merges;

    public BytePairTokenizer(GgufMetadata metadata)
        : this(metadata, PreTokenizers.Find(metadata))
    {
    }

    private BytePairTokenizer(GgufMetadata metadata, PreTokenizer preTokenizer)
        : this(metadata, preTokenizer, new Vocabulary(metadata, addsBos: preTokenizer.AddsBos))
    {
    }

    private BytePairTokenizer(GgufMetadata metadata, PreTokenizer preTokenizer, Vocabulary vocabulary)
        : base(metadata, vocabulary, new TokenBytes(metadata, vocabulary, ByteLevelAlphabet.Spell))
    {
        _vocabulary = vocabulary;
        _preTokenizer = preTokenizer;
        GuessesPreTokenizer = !metadata.Contains(PreTokenizers.Key);

        var steps = new Dictionary<string, int>();
        for (var value = 0; value < 256; value++)
            _byteIds[value] = IdOf([ByteLevelAlphabet.Character((byte)value)], steps);
        _merges = ReadMerges(metadata, steps);
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
        merger.Merge(new MergeList(_merges));
        for (var index = 0; merger.TryRead(ref index, out var symbol);)
        {
            if (symbol.Id < _vocabulary.Count)
            {
                ids.Add(symbol.Id);
                continue;
            }
            foreach (var value in bytes.Slice(symbol.Start, symbol.Length))
            {
                if (_byteIds[value] < _vocabulary.Count)
                    ids.Add(_byteIds[value]);
            }
        }
        merger.Return();
    }

    private Dictionary<Pair, (uint Rank, int Id)> ReadMerges(GgufMetadata metadata, Dictionary<string, int> steps)
    {
        const string Key = "tokenizer.ggml.merges";
        var lines = metadata.GetStrings(Key);
        var merges = new Dictionary<Pair, (uint Rank, int Id)>(lines.Count);
        var joined = new StringBuilder();
        for (var rank = 0; rank < lines.Count; rank++)
        {
            var line = lines[rank].AsSpan();
            var space = line.IsEmpty ? -1 : line[1..].IndexOf(' ') + 1; // a side may itself begin with a space
            if (space < 1 || space == line.Length - 1)
                throw metadata.Wrong(Key, $"two pieces with a space between them at {rank}", $"'{line}'");
            var left = line[..space];
            var right = line[(space + 1)..];
            joined.Clear().Append(left).Append(right);
            merges.TryAdd(new Pair(IdOf(left, steps), IdOf(right, steps)), ((uint)rank, IdOf(joined.ToString(), steps)));
        }
        return merges;
    }

    private int IdOf(ReadOnlySpan<char> text, Dictionary<string, int> steps)
    {
        if (_vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out var id))
            return id;
        var lookup = steps.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!lookup.TryGetValue(text, out id))
            lookup[text] = id = _vocabulary.Count + steps.Count;
        return id;
    }

    private readonly record struct Pair(int Left, int Right)
    {
        // Seeded for each process, so that no file can make all pairs collide.
        public override int GetHashCode() => HashCode.Combine(Left, Right);
    }

    private readonly struct MergeList(Dictionary<Pair, (uint Rank, int Id)> merges) : IMergeRule
    {
        public bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id)
        {
            var found = merges.TryGetValue(new Pair(left.Id, right.Id), out var merge);
            (rank, id) = merge;
            return found;
        }
    }
}
