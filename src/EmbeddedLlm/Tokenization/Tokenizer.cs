using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// Turns text into the token ids of a model and back. Made from the metadata of a GGUF file; it holds no reference to the file.
/// Safe for use by many threads at once.
/// </summary>
public abstract class Tokenizer
{
    /// <summary>The tokenizer models by GGUF's names: the table, one line each.</summary>
    internal static readonly (string Name, string Kind, Func<GgufMetadata, Tokenizer> Make)[] Models =
    [
        ("gpt2", "BPE over bytes or characters", metadata => BytePair(metadata, PreTokenizers.Find(metadata))),
        (PreTokenizers.Gemma4, "BPE over characters", metadata => BytePair(metadata, PreTokenizers.Get(PreTokenizers.Gemma4))),
        ("llama", "SentencePiece", metadata => new SentencePieceTokenizer(metadata)),
        ("bert", "WordPiece", metadata => new WordPieceTokenizer(metadata)),
        ("t5", "unigram", metadata => new UnigramTokenizer(metadata)),
    ];

    private readonly Vocabulary _vocabulary;
    private readonly TokenBytes _bytes;
    private readonly SpecialTokens _allSpecial;
    private readonly SpecialTokens _userDefined;

    private protected Tokenizer(GgufMetadata metadata, Vocabulary vocabulary, TokenBytes bytes)
    {
        _vocabulary = vocabulary;
        _bytes = bytes;
        _allSpecial = new SpecialTokens(metadata, vocabulary, kind => kind is TokenKind.Control or TokenKind.Unknown or TokenKind.UserDefined);
        _userDefined = new SpecialTokens(metadata, vocabulary, kind => kind is TokenKind.UserDefined);
    }

    /// <summary>The number of tokens; ids run from 0 to one below it.</summary>
    public int VocabularySize => _vocabulary.Count;

    /// <summary>The token that begins a text, if the model has one.</summary>
    public int? BosId => _vocabulary.BosId;

    /// <summary>The token that ends a text, if the model has one.</summary>
    public int? EosId => _vocabulary.EosId;

    /// <summary>Whether <see cref="Encode"/> puts <see cref="BosId"/> first when it adds special tokens.</summary>
    public bool AddsBos => _vocabulary.AddsBos;

    /// <summary>Whether <see cref="Encode"/> puts <see cref="EosId"/> last when it adds special tokens. BERT's vocabularies put their separator there, whatever this says.</summary>
    public bool AddsEos => _vocabulary.AddsEos;

    /// <summary>The tokens that end an answer: those the file names (end of text, turn, message) and those known by their text, such as <c>&lt;|im_end|&gt;</c>.</summary>
    public IReadOnlySet<int> EndOfGeneration => _vocabulary.EndOfGeneration;

    /// <summary>Whether encoding begins a text with a space that is not written, which decoding takes away again.</summary>
    internal virtual bool AddsSpacePrefix => false;

    /// <summary>Whether the file does not say how it splits words, which it should. Who loads the model logs it.</summary>
    internal virtual bool GuessesPreTokenizer => false;

    /// <summary>The token that encoding puts last when it adds special tokens.</summary>
    private protected virtual int? LastId => AddsEos ? EosId : null;

    /// <summary>Whether encoding puts a token last when it adds special tokens.</summary>
    internal bool EndsTexts => LastId is not null;

    /// <summary>Whether a special token swallows the white space that follows it.</summary>
    private protected virtual bool StripsAfter(int id) => false;

    /// <summary>Whether <see cref="Decode"/> joins punctuation to the word before it.</summary>
    private protected virtual bool CleansSpaces => false;

    /// <summary>Makes the tokenizer that a GGUF file describes.</summary>
    /// <param name="metadata">The file's metadata: the <c>tokenizer.ggml.*</c> keys.</param>
    /// <exception cref="ModelFormatException">A key is missing or says what cannot be: lists of different lengths, ids outside the vocabulary, a merge without a space.</exception>
    /// <exception cref="UnsupportedModelException">The tokenizer model or its pre-tokenizer is not known here.</exception>
    public static Tokenizer FromGguf(GgufMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        const string Key = "tokenizer.ggml.model";
        var name = metadata.GetString(Key);
        var model = Array.Find(Models, model => model.Name == name);
        return model.Make is { } make
            ? make(metadata)
            : throw new UnsupportedModelException(
                $"{metadata.Source}: {Key}: '{name}' is not supported; supported are {string.Join(", ", Models.Select(model => $"{model.Name} ({model.Kind})"))}. {HintFor(name)}");
    }

    private static Tokenizer BytePair(GgufMetadata metadata, PreTokenizer preTokenizer) =>
        preTokenizer.SpellsCharacters ? new CharacterPairTokenizer(metadata, preTokenizer) : new BytePairTokenizer(metadata, preTokenizer);

    private static string HintFor(string model) => model switch
    {
        "no_vocab" or "none" => "The file was converted without its vocabulary; convert the model again with it.",
        "rwkv" or "plamo2" or "whitespace" or "hybriddna" => "No other file of this model will help: its family tokenizes in a way of its own.",
        _ => "If the model was converted with an old or changed tool, convert it again, or take a file that its makers published.",
    };

    /// <summary>The ids of a text.</summary>
    /// <param name="text">The text. Halves of surrogate pairs count as U+FFFD.</param>
    /// <param name="addSpecial">Whether to add the begin and end tokens that the model wants (<see cref="AddsBos"/>, <see cref="AddsEos"/>).</param>
    /// <param name="parseSpecial">
    /// Whether control tokens written out in the text, such as <c>&lt;|im_start|&gt;</c>, become those tokens.
    /// False for text that is not trusted: then it stays text.
    /// </param>
    public int[] Encode(string text, bool addSpecial = true, bool parseSpecial = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3 + 2);
        if (addSpecial && AddsBos)
            ids.Add(BosId!.Value);
        EncodeParts(text, parseSpecial ? _allSpecial : _userDefined, ids);
        if (addSpecial && LastId is { } last)
            ids.Add(last);
        return [.. ids];
    }

    /// <summary>The ids of text that goes on from tokens; control tokens written out in it become those tokens.</summary>
    internal int[] EncodeAfter(ReadOnlySpan<int> tokens, string text)
    {
        var ids = new List<int>(text.Length / 3 + 2);
        var isAfterSpecial = !tokens.IsEmpty && IsSpecial(tokens[^1]);
        EncodeParts(isAfterSpecial && StripsAfter(tokens[^1]) ? text.AsSpan().TrimStart() : text, _allSpecial, ids, atStart: tokens.IsEmpty || isAfterSpecial);
        return [.. ids];
    }

    /// <summary>
    /// The ids of a text made of parts, with the begin and end tokens that the model wants. Control tokens written out become those tokens only
    /// where they stand in a trusted part; all else is split as if it were written in one.
    /// </summary>
    internal int[] EncodeMixed(IEnumerable<(string Text, bool IsTrusted)> parts)
    {
        var ids = new List<int>();
        if (AddsBos)
            ids.Add(BosId!.Value);
        var plain = new StringBuilder();
        var strips = false;
        foreach (var (text, isTrusted) in parts)
        {
            var rest = text.AsSpan();
            while (isTrusted && _allSpecial.TryFind(rest, out var start, out var length, out var id))
            {
                AppendPlain(plain.Append(rest[..start]).ToString());
                plain.Clear();
                ids.Add(id);
                strips = StripsAfter(id);
                rest = rest[(start + length)..];
            }

            plain.Append(rest);
        }

        AppendPlain(plain.ToString());
        if (LastId is { } last)
            ids.Add(last);
        return [.. ids];

        void AppendPlain(string text) => EncodeParts(strips ? text.AsSpan().TrimStart() : text, _userDefined, ids);
    }

    /// <summary>
    /// The text of ids. Bytes that are no UTF-8 become U+FFFD. Some vocabularies ask that decoding join punctuation to the word before it
    /// ("a ?" becomes "a?"); this does, a <see cref="Detokenizer"/>, which streams what a model writes, leaves the text as it is.
    /// </summary>
    /// <param name="ids">The tokens, from the beginning of a text.</param>
    /// <param name="removeSpecial">Whether to leave out control tokens; else they appear as they are written in the vocabulary.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool removeSpecial = false)
    {
        var detokenizer = CreateDetokenizer(removeSpecial);
        var bytes = new ArrayBufferWriter<byte>(ids.Length * 4 + 1);
        foreach (var id in ids)
            bytes.Write(detokenizer.NextBytes(id));
        var text = Encoding.UTF8.GetString(bytes.WrittenSpan);
        return CleansSpaces ? CleanSpaces(text) : text;
    }

    /// <summary>The text of a token in the vocabulary, in the vocabulary's own spelling (<c>Ġthe</c>, <c>▁the</c>, <c>&lt;0x0A&gt;</c>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public string GetPiece(int id)
    {
        CheckId(id);
        return _vocabulary.Piece(id);
    }

    /// <summary>The bytes that a token writes: often a word, sometimes part of a character, for control tokens their name, for unused ones nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public ReadOnlySpan<byte> GetBytes(int id)
    {
        CheckId(id);
        return _bytes[id];
    }

    /// <summary>What a token writes, if that is whole characters, as a string made once.</summary>
    internal bool TryGetText(int id, [NotNullWhen(true)] out string? text)
    {
        CheckId(id);
        return _bytes.TryGetText(id, out text);
    }

    /// <summary>Whether a token is structure and no text: a control token or the unknown token.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public bool IsSpecial(int id)
    {
        CheckId(id);
        return _vocabulary.Kind(id) is TokenKind.Control or TokenKind.Unknown;
    }

    /// <summary>Finds a token by its text in the vocabulary, such as <c>&lt;|im_start|&gt;</c>.</summary>
    public bool TryGetId(string piece, out int id) => _vocabulary.Ids.TryGetValue(piece, out id);

    /// <summary>A detokenizer for one stream of tokens.</summary>
    /// <param name="removeSpecial">Whether to leave out control tokens.</param>
    /// <param name="beginsText">
    /// Whether the first token begins a text, so that a space which encoding would have added is taken away;
    /// false where the tokens continue a text, as those of a completion do.
    /// </param>
    public Detokenizer CreateDetokenizer(bool removeSpecial = true, bool beginsText = true) => new(this, removeSpecial, beginsText);

    /// <summary>A detokenizer for an answer: control tokens are left out, but for those that mean something to the reader.</summary>
    internal Detokenizer CreateDetokenizer(bool beginsText, IReadOnlySet<int> kept) => new(this, removeSpecial: true, beginsText, kept);

    /// <summary>The control tokens in texts.</summary>
    internal FrozenSet<int> SpecialTokensIn(IEnumerable<string> texts) =>
        texts.SelectMany(text => Encode(text, addSpecial: false, parseSpecial: true)).Where(IsSpecial).ToFrozenSet();

    /// <summary>Appends the ids of text without special tokens; <paramref name="atStart"/>: at the beginning or right after a special token.</summary>
    private protected abstract void EncodeText(ReadOnlySpan<char> text, bool atStart, List<int> ids);

    private void EncodeParts(ReadOnlySpan<char> text, SpecialTokens special, List<int> ids, bool atStart = true)
    {
        while (!text.IsEmpty)
        {
            var found = special.TryFind(text, out var start, out var length, out var id);
            var plain = found ? text[..start] : text;
            if (!plain.IsEmpty)
                EncodeText(plain, atStart, ids);
            if (!found)
                return;
            ids.Add(id);
            atStart = true;
            text = text[(start + length)..];
            if (StripsAfter(id))
                text = text.TrimStart();
        }
    }

    private void CheckId(int id)
    {
        if ((uint)id >= (uint)_vocabulary.Count)
            throw new ArgumentOutOfRangeException(nameof(id), id, $"The vocabulary has {_vocabulary.Count} tokens.");
    }

    // The rule that Hugging Face calls clean_up_tokenization_spaces, in the form that GGUF vocabularies follow: 't, 'd and 'll stay apart.
    private static string CleanSpaces(string text)
    {
        foreach (var mark in (ReadOnlySpan<string>)["?", "!", ".", ","])
            text = text.Replace(" " + mark, mark, StringComparison.Ordinal);
        text = text.Replace(" ' ", "'", StringComparison.Ordinal);
        foreach (var ending in (ReadOnlySpan<string>)["'s", "'m", "'re", "'ve"])
            text = text.Replace(" " + ending, ending, StringComparison.Ordinal);
        return text;
    }
}
