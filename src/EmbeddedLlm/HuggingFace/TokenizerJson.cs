using System.Globalization;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.HuggingFace;

/// <summary>tokenizer.json: a vocabulary with merges, over bytes or, as the counterpart of a SentencePiece model, over characters.</summary>
internal static class TokenizerJson
{
    /// <summary>Whether the vocabulary is spelled in bytes.</summary>
    public static bool IsByteLevel(JsonPart json) => json["pre_tokenizer"] is { } split && HasByteLevel(split) || json["decoder"] is { } decoder && HasByteLevel(decoder);

    /// <summary>Byte-level BPE.</summary>
    public static void ReadByteLevel(JsonPart json, TokenList tokens, FolderKeys keys)
    {
        var model = Bpe(json);
        RequireNormalizers(json, "NFC");
        var split = json["pre_tokenizer"] ?? throw new UnsupportedModelException($"{json.File}: the file has no pre-tokenizer, which says how words are split. A GGUF file of this model may load.");
        keys.Values["tokenizer.ggml.model"] = GgufValue.Of("gpt2");
        keys.Values["tokenizer.ggml.pre"] = GgufValue.Of(KnownSplits.NameOf(split, model["ignore_merges"]?.Flag ?? false));
        foreach (var (piece, id) in Vocabulary(model))
            tokens.Add(id, piece, TokenKind.Normal);
        keys.Values["tokenizer.ggml.merges"] = GgufValue.Of([.. Merges(model).Select(merge => $"{merge.Left} {merge.Right}")]);
    }

    /// <summary>
    /// BPE over characters, with bytes for those without a token: SentencePiece's, of which merges have taken the place of scores.
    /// A piece scores the higher the earlier the merge that makes it, so that the same pieces merge first.
    /// </summary>
    public static void ReadCharacters(JsonPart json, TokenList tokens, FolderKeys keys)
    {
        var model = Bpe(json);
        if (model["byte_fallback"]?.Flag != true)
            throw new UnsupportedModelException($"{json.File}: the vocabulary spells neither bytes (ByteLevel) nor characters with bytes for the rest (byte_fallback). If the model has a tokenizer.model, put it into the folder; a GGUF file of it may load.");
        var hasPrefix = RequireNormalizers(json, "Prepend", "Replace");
        if (json["pre_tokenizer"] is { } split)
            hasPrefix = split.Require("type", "a string").Text switch
            {
                "Metaspace" => split["prepend_scheme"]?.Text != "never" && split["add_prefix_space"]?.Flag != false,
                "Split" when split["pattern"]?["String"]?.Text == " " => hasPrefix,      // spaces are ▁ by then: it finds none
                var type => throw new UnsupportedModelException($"{json.File}: the pre-tokenizer '{type}' is not supported for a vocabulary over characters. Supported: Metaspace. A GGUF file of this model may load."),
            };
        keys.Values["tokenizer.ggml.model"] = GgufValue.Of("llama");
        keys.Values["tokenizer.ggml.pre"] = GgufValue.Of("default");
        keys.Values["tokenizer.ggml.add_space_prefix"] = GgufValue.Of(hasPrefix);

        var merges = Merges(model);
        var unknown = model["unk_token"]?.Text;
        foreach (var (piece, id) in Vocabulary(model))
            tokens.Add(id, piece, piece == unknown ? TokenKind.Unknown : IsByte(piece) ? TokenKind.Byte : TokenKind.Normal, -merges.Count);
        var isScored = new HashSet<int>();
        for (var rank = 0; rank < merges.Count; rank++)
        {
            if (tokens.TryGetId(merges[rank].Left + merges[rank].Right, out var id) && isScored.Add(id))
                tokens.SetScore(id, -rank);
        }
    }

    /// <summary>The tokens that are found in text before all else.</summary>
    public static void MarkAdded(JsonPart json, TokenList tokens)
    {
        foreach (var added in json["added_tokens"]?.Items() ?? [])
            tokens.Mark(added.Require("id", "an integer").Integer, added.Require("content", "a string").Text, added["special"]?.Flag ?? false);
    }

    /// <summary>Whether the post-processor puts a token before or behind a text; null where there is none that says.</summary>
    public static (bool Bos, bool Eos)? Adds(JsonPart processor)
    {
        switch (processor.Require("type", "a string").Text)
        {
            case "Sequence":
                return processor.Require("processors", "a list").Items().Select(Adds).FirstOrDefault(adds => adds is not null);
            case "TemplateProcessing":
                JsonPart[] single = [.. processor.Require("single", "a list").Items()];
                return single.Length == 0 ? null : (single[0]["SpecialToken"] is not null, single[^1]["SpecialToken"] is not null);
            default:
                return null;
        }
    }

    private static bool HasByteLevel(JsonPart part) => part["type"]?.Text switch
    {
        "ByteLevel" => true,
        "Sequence" => (part["pretokenizers"] ?? part["decoders"])?.Items().Any(HasByteLevel) ?? false,
        _ => false,
    };

    private static JsonPart Bpe(JsonPart json)
    {
        var model = json.Require("model", "an object");
        var type = model["type"]?.Text ?? (model["merges"] is null ? "none" : "BPE");
        if (type != "BPE")
            throw new UnsupportedModelException($"{json.File}: the vocabulary is of the type '{type}'; supported is BPE, and with a tokenizer.model beside it SentencePiece's unigram model. A GGUF file of this model may load.");
        foreach (var key in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (model[key]?.Text is { Length: > 0 } text)
                throw new UnsupportedModelException($"{json.File}: '{key}' is '{text}', which is not supported. A GGUF file of this model may load.");
        }

        return model;
    }

    // Whether ▁ is put before a text. NFC is accepted and not done, as everywhere with GGUF files: texts mostly come composed.
    private static bool RequireNormalizers(JsonPart json, params string[] known)
    {
        var prepends = false;
        foreach (var part in json["normalizer"] is { } normalizer ? Flat(normalizer) : [])
        {
            var type = part.Require("type", "a string").Text;
            var isKnown = known.Contains(type) && type switch
            {
                "Prepend" => part["prepend"]?.Text == "▁",
                "Replace" => part["pattern"]?["String"]?.Text == " " && part["content"]?.Text == "▁",
                _ => true,
            };
            if (!isKnown)
                throw new UnsupportedModelException($"{json.File}: the normalizer '{type}' ({part.Raw}) is not supported. Supported here: {string.Join(", ", known)}. A GGUF file of this model may load.");
            prepends |= type == "Prepend";
        }

        return prepends;

        static IEnumerable<JsonPart> Flat(JsonPart part) => part["type"]?.Text == "Sequence" ? part.Require("normalizers", "a list").Items().SelectMany(Flat) : [part];
    }

    private static IEnumerable<(string Piece, int Id)> Vocabulary(JsonPart model) => model.Require("vocab", "an object").Members().Select(member => (member.Key, member.Value.Integer));

    // Older files have "a b", newer ones ["a", "b"].
    private static List<(string Left, string Right)> Merges(JsonPart model)
    {
        var merges = new List<(string, string)>();
        foreach (var merge in model.Require("merges", "a list").Items())
        {
            string[] sides = merge.IsText ? merge.Text.Split(' ') : [.. merge.Items().Take(3).Select(side => side.Text)];
            if (sides is not [{ Length: > 0 } left, { Length: > 0 } right] || left.Contains(' ') || right.Contains(' '))
                throw merge.Wrong("two pieces without spaces", merge.Raw);
            merges.Add((left, right));
        }

        return merges;
    }

    private static bool IsByte(string piece) =>
        piece is ['<', '0', 'x', _, _, '>'] && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _);
}
