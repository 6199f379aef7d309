using System.Collections.Frozen;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// The tokens of a GGUF file by id and by text, with their kinds, scores and roles. Everything the file says is checked here.
/// Where two tokens have the same text, the text means the lower id.
/// </summary>
internal sealed class Vocabulary
{
    public const string TokensKey = "tokenizer.ggml.tokens";

    // Tokens that end an answer whatever their type in the file: turn and text ends of the families, and the marks between files of code models.
    // Files often give them the type of text; they are control tokens nevertheless.
    private static readonly FrozenSet<string> EndTexts = FrozenSet.ToFrozenSet(
    [
        "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>", "<end_of_utterance>",
        "</s>", "<eos>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<｜end▁of▁sentence｜>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
        "<turn|>", "<|tool_response>", "[e~[",
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]",
        "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>",
    ]);

    // Where a family has these, "<|end|>" ends one message of several in an answer, not the answer.
    private static readonly string[][] AnswerEnds = [["<|return|>", "<|call|>"], ["<|flush|>", "<|calls|>"]];

    private static readonly string[] EndKeys = ["eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep"];

    private readonly string[] _pieces;
    private readonly TokenKind[] _kinds;
    private readonly Dictionary<string, int> _ids;

    /// <summary>Reads the vocabulary; the defaults hold where the file is silent.</summary>
    /// <exception cref="ModelFormatException">Lists of different lengths, ids outside the vocabulary, unknown types.</exception>
    public Vocabulary(GgufMetadata metadata, int? defaultBos = null, int? defaultEos = null, int? defaultUnknown = null, bool addsBos = false, bool addsEos = false)
    {
        _pieces = [.. metadata.GetStrings(TokensKey)];
        if (_pieces.Length == 0)
            throw metadata.Wrong(TokensKey, "at least one token", "none");
        _kinds = ReadKinds(metadata);
        _ids = new Dictionary<string, int>(_pieces.Length);
        for (var id = 0; id < _pieces.Length; id++)
            _ids.TryAdd(_pieces[id], id);

        BosId = ReadId(metadata, "bos", defaultBos);
        EosId = ReadId(metadata, "eos", defaultEos);
        UnknownId = ReadId(metadata, "unknown", defaultUnknown);
        AddsBos = ReadAdds(metadata, "bos", BosId, addsBos);
        AddsEos = ReadAdds(metadata, "eos", EosId, addsEos);
        EndOfGeneration = FindEnds(metadata);
    }

    public int Count => _pieces.Length;

    public int? BosId { get; }

    public int? EosId { get; }

    public int? UnknownId { get; }

    public bool AddsBos { get; }

    public bool AddsEos { get; }

    public FrozenSet<int> EndOfGeneration { get; }

    /// <summary>Ids by text, for whoever looks up spans.</summary>
    public Dictionary<string, int> Ids => _ids;

    public string Piece(int id) => _pieces[id];

    public TokenKind Kind(int id) => _kinds[id];

    /// <summary>Whether ordinary text may become this token.</summary>
    public bool IsText(int id) => _kinds[id] is TokenKind.Normal or TokenKind.UserDefined or TokenKind.Unused or TokenKind.Undefined;

    private TokenKind[] ReadKinds(GgufMetadata metadata)
    {
        const string Key = "tokenizer.ggml.token_type";
        var kinds = new TokenKind[_pieces.Length];
        Array.Fill(kinds, TokenKind.Normal);
        if (!metadata.Contains(Key))
            return kinds;
        var types = metadata.GetInts(Key);
        CheckCount(metadata, Key, types.Count);
        for (var id = 0; id < kinds.Length; id++)
        {
            kinds[id] = types[id] is >= 0 and <= (int)TokenKind.Byte
                ? (TokenKind)types[id]
                : throw metadata.Wrong(Key, $"0 to {(int)TokenKind.Byte} for token {id}", types[id].ToString());
        }
        return kinds;
    }

    /// <summary>The unknown token, for tokenizers that cannot do without.</summary>
    public int RequireUnknown(GgufMetadata metadata) =>
        UnknownId ?? throw metadata.Wrong("tokenizer.ggml.unknown_token_id", "the id of the token for what has none", "none");

    /// <summary>The scores of the tokens.</summary>
    public float[] ReadScores(GgufMetadata metadata)
    {
        const string Key = "tokenizer.ggml.scores";
        float[] scores = [.. metadata.GetFloats(Key)];
        CheckCount(metadata, Key, scores.Length);
        var wrong = Array.FindIndex(scores, float.IsNaN);
        return wrong < 0 ? scores : throw metadata.Wrong(Key, $"a number for token {wrong}", "NaN");
    }

    /// <summary>A list must have one entry for each token.</summary>
    public void CheckCount(GgufMetadata metadata, string key, int count)
    {
        if (count != _pieces.Length)
            throw metadata.Wrong(key, $"{_pieces.Length} entries, one for each token", count.ToString());
    }

    /// <summary>The id that a file names for a role, the fallback where it names none and has so many tokens.</summary>
    public int? ReadId(GgufMetadata metadata, string role, int? fallback)
    {
        var key = $"tokenizer.ggml.{role}_token_id";
        if (!metadata.Contains(key))
            return fallback >= 0 && fallback < _pieces.Length ? fallback : null;
        var id = metadata.GetLong(key);
        return id >= 0 && id < _pieces.Length
            ? (int)id
            : throw metadata.Wrong(key, $"an id below {_pieces.Length}", id.ToString());
    }

    private static bool ReadAdds(GgufMetadata metadata, string role, int? id, bool fallback)
    {
        var key = $"tokenizer.ggml.add_{role}_token";
        if (!metadata.Contains(key))
            return fallback && id is not null;
        var adds = metadata.GetBool(key);
        return !adds || id is not null
            ? adds
            : throw metadata.Wrong(key, $"tokenizer.ggml.{role}_token_id beside it", "none");
    }

    private FrozenSet<int> FindEnds(GgufMetadata metadata)
    {
        var ends = new HashSet<int>();
        foreach (var role in EndKeys)
        {
            if (ReadId(metadata, role, role == "eos" ? EosId : null) is { } id)
                ends.Add(id);
        }
        foreach (var text in EndTexts)
        {
            if (!_ids.TryGetValue(text, out var id))
                continue;
            ends.Add(id);
            _kinds[id] = TokenKind.Control;
        }

        if (_ids.TryGetValue("<|end|>", out var messageEnd) && Array.Exists(AnswerEnds, texts => Array.TrueForAll(texts, _ids.ContainsKey)))
            ends.Remove(messageEnd);
        return ends.ToFrozenSet();
    }
}
