using System.Globalization;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.HuggingFace;

/// <summary>The tokenizer of a folder, as GGUF's keys: from tokenizer.model where the folder has it and it says what tokenizer.json says, else from tokenizer.json.</summary>
internal sealed class FolderTokenizer
{
    // Where GGUF names tokens that end an answer beside the end of a text.
    private static readonly string[] EndKeys = ["eot", "eom"];

    private readonly FolderKeys _keys;
    private readonly TokenList _tokens;
    private readonly SentencePieceModel? _pieces;
    private readonly JsonPart? _json;
    private readonly JsonPart? _config;
    private readonly JsonPart? _generation;
    private readonly FolderConfig _model;

    private FolderTokenizer(string folder, FolderConfig model, int rows, FolderKeys keys)
    {
        _keys = keys;
        _model = model;
        _json = ReadIfThere(folder, "tokenizer.json", FolderLimits.TokenizerBytes);
        var path = Path.Combine(folder, "tokenizer.model");
        var isSentencePiece = File.Exists(path) && (_json is not { } json || !TokenizerJson.IsByteLevel(json));
        if (!isSentencePiece && _json is null)
            throw new UnsupportedModelException($"{folder}: the folder has no tokenizer that can be read: expected tokenizer.json or tokenizer.model. If it has vocab.json and merges.txt, save its tokenizer with the Python package transformers, which writes tokenizer.json.");
        _pieces = isSentencePiece ? SentencePieceModel.Read(path) : null;
        _tokens = new TokenList(isSentencePiece ? path : _json!.Value.File, rows);
        _config = ReadIfThere(folder, "tokenizer_config.json", FolderLimits.TokenizerBytes);
        _generation = ReadIfThere(folder, "generation_config.json", FolderLimits.ConfigBytes);
    }

    /// <exception cref="ModelFormatException">A file is damaged.</exception>
    /// <exception cref="UnsupportedModelException">The folder has no tokenizer that is supported.</exception>
    public static void Describe(string folder, FolderConfig model, int rows, FolderKeys keys)
    {
        var tokenizer = new FolderTokenizer(folder, model, rows, keys);
        tokenizer.ReadTokens();
        tokenizer.WriteRoles();
    }

    private void ReadTokens()
    {
        if (_pieces is not null)
            ReadPieces(_pieces);
        else if (TokenizerJson.IsByteLevel(_json!.Value))
            TokenizerJson.ReadByteLevel(_json.Value, _tokens, _keys);
        else
            TokenizerJson.ReadCharacters(_json.Value, _tokens, _keys);

        foreach (var (key, added) in _config?["added_tokens_decoder"]?.Members() ?? [])
        {
            if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                throw added.Wrong("ids as keys", $"'{key}'");
            _tokens.Mark(id, added.Require("content", "a string").Text, added["special"]?.Flag ?? false);
        }

        if (_json is { } json)
            TokenizerJson.MarkAdded(json, _tokens);
        _tokens.Write(_keys, hasScores: _keys.Values["tokenizer.ggml.model"].ToString() != "gpt2");
    }

    private void ReadPieces(SentencePieceModel model)
    {
        if (!model.IsUnigram && model.CharacterMap.Length > 0)
            throw new UnsupportedModelException($"{_keys.Folder}: tokenizer.model maps characters before it merges them, which is supported for unigram models only.");
        for (var id = 0; id < model.Pieces.Count; id++)
            _tokens.Add(id, model.Pieces[id].Piece, model.Pieces[id].Kind, model.Pieces[id].Score);
        _keys.Values["tokenizer.ggml.model"] = GgufValue.Of(model.IsUnigram ? "t5" : "llama");
        _keys.Values["tokenizer.ggml.pre"] = GgufValue.Of("default");
        _keys.Values["tokenizer.ggml.add_space_prefix"] = GgufValue.Of(model.AddsSpacePrefix);
        if (!model.IsUnigram)
            return;
        _keys.Values["tokenizer.ggml.remove_extra_whitespaces"] = GgufValue.Of(model.RemovesExtraSpaces);
        if (model.CharacterMap.Length > 0)
            _keys.Values["tokenizer.ggml.precompiled_charsmap"] = GgufValue.Of((ReadOnlySpan<byte>)model.CharacterMap);
    }

    private void WriteRoles()
    {
        var ends = Ids("eos_token_id");
        var bos = Named("bos_token") ?? (_config is null ? Ids("bos_token_id").Cast<int?>().FirstOrDefault() ?? Own(_pieces?.BosId) : null);
        var eos = Named("eos_token") ?? ends.Cast<int?>().FirstOrDefault() ?? Own(_pieces?.EosId);
        Write("bos", bos);
        Write("eos", eos);
        Write("unknown", Named("unk_token") ?? Own(_pieces?.UnknownId));
        Write("padding", Named("pad_token") ?? Own(_pieces?.PadId));
        foreach (var (key, id) in EndKeys.Zip(ends.Where(id => id != eos).Distinct()))
            Write(key, id);

        // The makers' code for SentencePiece's vocabularies puts a begin token first unless told otherwise.
        var adds = _json?["post_processor"] is { } processor ? TokenizerJson.Adds(processor) ?? (false, false) : (_pieces is not null, false);
        var addsBos = _config?["add_bos_token"]?.Flag ?? adds.Item1;
        var addsEos = _config?["add_eos_token"]?.Flag ?? adds.Item2;
        _keys.Values["tokenizer.ggml.add_bos_token"] = GgufValue.Of(addsBos && bos is not null);
        _keys.Values["tokenizer.ggml.add_eos_token"] = GgufValue.Of(addsEos && eos is not null);

        void Write(string role, int? id)
        {
            if (id is { } given)
                _keys.Values[$"tokenizer.ggml.{role}_token_id"] = GgufValue.Of((uint)given);
        }
    }

    /// <summary>The id of a token that tokenizer_config.json names, as text or as an object with its text.</summary>
    private int? Named(string key)
    {
        if (_config?[key] is not { } named)
            return null;
        var piece = named.IsText ? named : named.Require("content", "a string");
        return _tokens.TryGetId(piece.Text, out var id) ? id : throw piece.Wrong("a token of the vocabulary", $"'{piece.Text}'");
    }

    /// <summary>Ids that the model's files give, one or several.</summary>
    private List<int> Ids(string key)
    {
        var ids = new List<int>();
        foreach (var part in (JsonPart?[])[_generation?[key], _model.Json[key]])
        {
            foreach (var item in part is not { } given ? [] : given.IsList ? given.Items() : [given])
                ids.Add(Own(item.Integer) ?? throw item.Wrong("the id of a token", $"{item.Integer}"));
        }

        return ids;
    }

    private int? Own(int? id) => id >= 0 && id < _tokens.Count ? id : null;

    private static JsonPart? ReadIfThere(string folder, string name, long maxBytes) =>
        File.Exists(Path.Combine(folder, name)) ? JsonPart.Read(Path.Combine(folder, name), maxBytes) : null;
}
