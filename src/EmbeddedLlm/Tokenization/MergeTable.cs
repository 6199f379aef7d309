using System.Buffers;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// The merges of a byte-pair vocabulary, by the ids of their sides. Texts that are no token get ids past the vocabulary: they may still be
/// steps on the way to one.
/// </summary>
internal sealed class MergeTable
{
    private const string Key = "tokenizer.ggml.merges";

    private readonly Vocabulary _vocabulary;
    private readonly Dictionary<string, int> _steps = [];
    private readonly Dictionary<Pair, (uint Rank, int Id)> _merges;

    /// <summary>Reads the merges of a file.</summary>
    /// <exception cref="ModelFormatException">There is none, or one is not two pieces with a space between them.</exception>
    public MergeTable(GgufMetadata metadata, Vocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        var lines = metadata.GetStrings(Key);
        _merges = new(lines.Count);
        var joined = new ArrayBufferWriter<char>();
        for (var rank = 0; rank < lines.Count; rank++)
        {
            var line = lines[rank].AsSpan();
            var space = line.IsEmpty ? -1 : line[1..].IndexOf(' ') + 1; // a side may itself begin with a space
            if (space < 1 || space == line.Length - 1)
                throw metadata.Wrong(Key, $"two pieces with a space between them at {rank}", $"'{line}'");
            var left = line[..space];
            var right = line[(space + 1)..];
            joined.ResetWrittenCount();
            joined.Write(left);
            joined.Write(right);
            var whole = joined.WrittenSpan;
            CrossesSpaces |= SpaceMark.WordEnd(whole) != whole.Length;
            _merges.TryAdd(new Pair(AddId(left), AddId(right)), ((uint)rank, AddId(whole)));
        }
    }

    /// <summary>What a <see cref="SymbolMerger"/> asks.</summary>
    public Rule Rules => new(_merges);

    /// <summary>Whether a merge makes a piece of one word and part of the next, where ▁ begins words.</summary>
    public bool CrossesSpaces { get; }

    /// <summary>The id of a text in the vocabulary or in a merge; else -1.</summary>
    public int Find(ReadOnlySpan<char> text) =>
        _vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out var id) || _steps.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out id) ? id : -1;

    private int AddId(ReadOnlySpan<char> text)
    {
        var id = Find(text);
        if (id < 0)
            _steps[text.ToString()] = id = _vocabulary.Count + _steps.Count;
        return id;
    }

    internal readonly record struct Pair(int Left, int Right)
    {
        // Seeded for each process, so that no file can make all pairs collide.
        public override int GetHashCode() => HashCode.Combine(Left, Right);
    }

    internal readonly struct Rule(Dictionary<Pair, (uint Rank, int Id)> merges) : IMergeRule
    {
        public bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id)
        {
            var found = merges.TryGetValue(new Pair(left.Id, right.Id), out var merge);
            (rank, id) = merge;
            return found;
        }
    }
}
