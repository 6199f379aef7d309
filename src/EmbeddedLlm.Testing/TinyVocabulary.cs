namespace EmbeddedLlm.Testing;

/// <summary>
/// A byte-level BPE vocabulary learned from a few sentences (Sennrich et al. 2016, arXiv 1508.07909), and which of its tokens follow which there.
/// </summary>
internal sealed class TinyVocabulary
{
    public const string TextEnd = "<|endoftext|>";
    public const string TurnStart = "<|im_start|>";
    public const string TurnEnd = "<|im_end|>";
    private const int MergeCount = 80;

    private static readonly string[] Sentences =
    [
        "The little boat went down the river in the morning.",
        "A cat sat on the warm stone and looked at the water.",
        "The old man told her a story about the sea.",
        "There was a small house behind the hill.",
        "In the evening the wind was cold, and the children went home.",
        "She opened the door and found a letter on the floor.",
        "The bread was warm, the tea was hot, and the rain went on.",
        "He had never seen a bird of that colour.",
        "They walked along the road until the moon came up.",
        "A good friend is better than a fast horse.",
        "The garden was full of bees and the smell of apples.",
        "When the snow came, the river was still and white.",
        "Her brother had built a tower of stones near the shore.",
        "The dog ran after the boat and then came back to the house.",
        "It was late, and the last train had left the station.",
        "The lamp in the window was the only light on the hill.",
    ];

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    public TinyVocabulary()
    {
        var words = Sentences.SelectMany(Words).Distinct(StringComparer.Ordinal).ToDictionary(word => word, word => word.Select(letter => letter.ToString()).ToList(), StringComparer.Ordinal);
        foreach (var character in ByteCharacters())
            Add(character.ToString());
        while (Merges.Count < MergeCount && MostFrequentPair(words) is var (left, right))
        {
            Merges.Add($"{left} {right}");
            Add(left + right);
            foreach (var symbols in words.Values)
                Merge(symbols, left, right);
        }

        OrdinaryTokens = Tokens.Count;
        foreach (var special in (string[])[TextEnd, TurnStart, TurnEnd])
            Add(special);
        CountFollowers(words);
    }

    public List<string> Tokens { get; } = [];

    /// <summary>Tokens that are text; control tokens come behind them.</summary>
    public int OrdinaryTokens { get; }

    public List<string> Merges { get; } = [];

    /// <summary>How often the second token follows the first.</summary>
    public SortedDictionary<(int Token, int Next), int> Followers { get; } = [];

    public int Id(string token) => _ids[token];

    private void Add(string token)
    {
        _ids.Add(token, Tokens.Count);
        Tokens.Add(token);
    }

    // A line ends where a sentence may begin; behind a sentence comes another or the end of the turn.
    private void CountFollowers(Dictionary<string, List<string>> words)
    {
        var starts = Sentences.Select(sentence => Id(words[Words(sentence)[0]][0])).ToArray();
        for (var i = 0; i < Sentences.Length; i++)
        {
            int[] ids = [Id("\u010a"), .. Words(Sentences[i]).SelectMany(word => words[word]).Select(Id), Id(TurnEnd)];
            foreach (var pair in ids.Zip(ids[1..]))
                Followers[pair] = Followers.GetValueOrDefault(pair) + 1;
        }

        var space = Id("\u0120");
        Followers[(Id("."), space)] = Sentences.Length / 4;
        foreach (var start in starts)
            Followers[(space, start)] = Followers.GetValueOrDefault((space, start)) + 1;
    }

    private static (string Left, string Right)? MostFrequentPair(Dictionary<string, List<string>> words)
    {
        var counts = new Dictionary<(string, string), int>();
        foreach (var word in Sentences.SelectMany(Words))
        {
            foreach (var pair in words[word].Zip(words[word].Skip(1)))
                counts[pair] = counts.GetValueOrDefault(pair) + 1;
        }

        return counts.Count == 0 ? null : counts.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key.Item1 + " " + pair.Key.Item2, StringComparer.Ordinal).First().Key;
    }

    private static void Merge(List<string> symbols, string left, string right)
    {
        for (var i = 0; i + 1 < symbols.Count; i++)
        {
            if (symbols[i] != left || symbols[i + 1] != right)
                continue;
            symbols[i] = left + right;
            symbols.RemoveAt(i + 1);
        }
    }

    // Words with the space before them, punctuation by itself; a space is written as the character that stands for byte 32.
    private static List<string> Words(string sentence)
    {
        var words = new List<string>();
        foreach (var word in sentence.Split(' '))
        {
            var letters = word.TrimEnd('.', ',');
            words.Add(words.Count == 0 ? letters : "\u0120" + letters);
            if (letters.Length < word.Length)
                words.Add(word[letters.Length..]);
        }

        return words;
    }

    // GPT-2's alphabet: printable Latin-1 characters stand for themselves, the other bytes for the characters from U+0100 on.
    private static IEnumerable<char> ByteCharacters()
    {
        var next = (char)256;
        for (var value = 0; value < 256; value++)
            yield return value is >= 33 and <= 126 or >= 161 and <= 172 or >= 174 ? (char)value : next++;
    }
}
