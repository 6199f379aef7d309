using System.Globalization;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.HuggingFace;

/// <summary>The tokens of a folder by id, one for each row of the model's table.</summary>
internal sealed class TokenList(string file, int rows)
{
    /// <summary>Lower than any score of a piece, so that text becomes an added token last.</summary>
    private const float AddedScore = -1e6f;

    private readonly string?[] _pieces = new string?[rows];
    private readonly TokenKind[] _kinds = new TokenKind[rows];
    private readonly float[] _scores = new float[rows];
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    /// <summary>Ids, which run from 0.</summary>
    public int Count => rows;

    public bool TryGetId(string piece, out int id) => _ids.TryGetValue(piece, out id);

    public void SetScore(int id, float score) => _scores[id] = score;

    /// <summary>Adds a token of the vocabulary.</summary>
    public void Add(int id, string piece, TokenKind kind, float score = 0)
    {
        if ((uint)id >= (uint)rows)
            throw new ModelFormatException($"{file}: token '{piece}': expected an id below the {rows} rows of the model's table, found {id}.");
        if (_pieces[id] is { } other)
            throw new ModelFormatException($"{file}: token '{piece}': expected an id of its own, found {id}, which is '{other}'.");
        (_pieces[id], _kinds[id], _scores[id]) = (piece, kind, score);
        _ids.TryAdd(piece, id);
    }

    /// <summary>Notes a token that is found in text before all else. One without a row in the model's table is left out: it cannot be computed with.</summary>
    public void Mark(int id, string piece, bool isSpecial)
    {
        if (id < 0)
            throw new ModelFormatException($"{file}: added token '{piece}': expected an id of at least 0, found {id}.");
        if (id >= rows)
            return;
        var isNew = _pieces[id] != piece;
        _ids.TryAdd(piece, id);
        _pieces[id] = piece;
        if (isNew)
            _scores[id] = AddedScore;
        if (isNew || _kinds[id] is not (TokenKind.Unknown or TokenKind.Byte))
            _kinds[id] = isSpecial ? TokenKind.Control : TokenKind.UserDefined;
    }

    /// <summary>Writes the lists of GGUF. Ids without a token, which tables are filled up with, get a name and no text.</summary>
    public void Write(FolderKeys keys, bool hasScores)
    {
        for (var id = 0; id < rows; id++)
        {
            if (_pieces[id] is null)
                (_pieces[id], _kinds[id], _scores[id]) = (string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]"), TokenKind.Unused, AddedScore);
        }

        keys.Values["tokenizer.ggml.tokens"] = GgufValue.Of(_pieces!);
        if (hasScores)
            keys.Values["tokenizer.ggml.scores"] = GgufValue.Of(_scores);
        keys.Values["tokenizer.ggml.token_type"] = GgufValue.Of(Array.ConvertAll(_kinds, kind => (int)kind));
    }
}
