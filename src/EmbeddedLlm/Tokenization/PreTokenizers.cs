using System.Text.RegularExpressions;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>The pre-tokenizers by their names in <see cref="Key"/>: the table, one line each, and the patterns it uses.</summary>
internal static partial class PreTokenizers
{
    public const string Key = "tokenizer.ggml.pre";

    /// <summary>For files from before the key existed. Where it is not what the model was trained with, answers get worse.</summary>
    public const string Fallback = "default";

    private static readonly (PreTokenizer Splitter, string[] Names)[] Table =
    [
        (new(DefaultMarks(), Gpt2(), Digits(), ThreeDigits()) { CleansSpaces = true }, [Fallback]),
        (new(Gpt2()) { CleansSpaces = true }, ["gpt-2", "a.x-4.0", "exaone4", "gigachat", "jais", "mellum", "mpt", "olmo", "phi-2"]),
        (new(Gpt2()), ["granite-docling", "trillion"]),
        (new(Digit(), Gpt2()) { CleansSpaces = true }, ["codeshell", "exaone", "mellum2", "minerva-7b", "refact", "starcoder"]),
        (new(Digit(), Gpt2()), ["smollm", "command-r"]),
        (new(Llama3()) { CleansSpaces = true, AddsBos = true, PrefersWholeWords = true }, ["llama-bpe", "llama-v3", "llama3", "falcon3", "falcon-h1", "jina-v5-nano", "lfm2", "midm-2.0", "pixtral"]),
        (new(Llama3()) { CleansSpaces = true }, ["dbrx", "smaug-bpe"]),
        (new(Qwen2()) { CleansSpaces = true }, ["megrez", "stablelm2"]),
        (new(Qwen2()), ["qwen2", "deepseek-r1-qwen", "f2llmv2", "grok-2", "hunyuan", "kormo", "solar-open"]),
        (new(Tekken()) { AddsBos = true, PrefersWholeWords = true }, ["tekken"]),
        (new(Qwen35()), ["qwen35"]),
        (new(Gpt4o()), ["gpt-4o", "kanana2", "llama4", "minimax-m2", "talkie"]),
    ];

    private static readonly Dictionary<string, PreTokenizer> ByName =
        Table.SelectMany(row => row.Names.Select(name => KeyValuePair.Create(name, row.Splitter))).ToDictionary();

    /// <summary>The names, sorted.</summary>
    public static IEnumerable<string> Names => ByName.Keys.Order(StringComparer.Ordinal);

    /// <summary>The pre-tokenizer of a name.</summary>
    public static PreTokenizer Get(string name) => ByName[name];

    /// <summary>The pre-tokenizer that a file names, <see cref="Fallback"/> where it names none.</summary>
    /// <exception cref="UnsupportedModelException">The name is not in the table.</exception>
    public static PreTokenizer Find(GgufMetadata metadata)
    {
        var name = metadata.GetString(Key, Fallback);
        return ByName.TryGetValue(name, out var splitter)
            ? splitter
            : throw new UnsupportedModelException($"{metadata.Source}: {Key}: '{name}' is not supported; supported are {string.Join(", ", Names)}.");
    }

    // Letters, numbers or other marks with the space before them, English endings, white space but for the last before a word.
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    private static partial Regex Gpt2();

    // As above, but any one mark may precede letters, three digits at most stand together, line ends stay with what precedes them.
    [GeneratedRegex(@"'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    private static partial Regex Llama3();

    // As above, with every digit alone.
    [GeneratedRegex(@"'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    private static partial Regex Qwen2();

    // Qwen 2 with combining marks as letters.
    [GeneratedRegex(@"'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    private static partial Regex Qwen35();

    // Words end where capitals follow small letters; marks keep the slashes behind them.
    [GeneratedRegex(@"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    private static partial Regex Tekken();

    // As above, with English endings kept on words and three digits at most together.
    [GeneratedRegex(@"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    private static partial Regex Gpt4o();

    [GeneratedRegex(@"[\p{P}$+<=>^~|]+")]
    private static partial Regex DefaultMarks();

    [GeneratedRegex(@"\p{N}")]
    private static partial Regex Digit();

    [GeneratedRegex(@"\p{N}+")]
    private static partial Regex Digits();

    [GeneratedRegex("[0-9][0-9][0-9]")]
    private static partial Regex ThreeDigits();
}
