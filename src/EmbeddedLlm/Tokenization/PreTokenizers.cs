using System.Text.RegularExpressions;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>The pre-tokenizers by their names in <see cref="Key"/>: the table, one line each, and the patterns it uses.</summary>
internal static partial class PreTokenizers
{
    public const string Key = "tokenizer.ggml.pre";

    /// <summary>Where <c>tokenizer.ggml.model</c> is this name, so is the pre-tokenizer.</summary>
    public const string Gemma4 = "gemma4";

    /// <summary>For files from before the key existed. Where it is not what the model was trained with, answers get worse.</summary>
    public const string Fallback = "default";

    private static readonly (PreTokenizer Splitter, string[] Names)[] Table =
    [
        (new(DefaultMarks(), Gpt2(), Digits(), ThreeDigits()) { CleansSpaces = true }, [Fallback]),
        (new(FalconMarks(), Gpt2(), ThreeDigits()) { CleansSpaces = true }, ["falcon"]),
        (new(Gpt2()) { CleansSpaces = true }, ["gpt-2", "a.x-4.0", "exaone4", "gigachat", "jais", "jina-de", "jina-es", "jina-v1-en", "jina-v2-code", "jina-v2-de", "jina-v2-es", "mellum", "modern-bert", "mpt", "olmo", "phi-2", "roberta-bpe"]),
        (new(Gpt2()), ["granite-docling", "trillion"]),
        (new(Digit(), Gpt2()) { CleansSpaces = true }, ["codeshell", "exaone", "mellum2", "minerva-7b", "refact", "starcoder"]),
        (new(Digit(), Gpt2()), ["smollm", "command-r"]),
        (new(ChameleonTokens(), ChameleonSpaces(), Digit(), ChameleonMark(), Gpt2()) { AddsBos = true }, ["chameleon"]),
        (new(Llama3()) { CleansSpaces = true, AddsBos = true, PrefersWholeWords = true }, ["llama-bpe", "llama-v3", "llama3", "falcon3", "falcon-h1", "jina-v5-nano", "lfm2", "midm-2.0", "pixtral"]),
        (new(Llama3()) { CleansSpaces = true }, ["chatglm-bpe", "dbrx", "glm4", "smaug-bpe"]),
        (new(UpToThreeDigits(), Llama3()) { CleansSpaces = true, PrefersWholeWords = true }, ["minicpm5"]),
        (new(Jais2()) { CleansSpaces = true }, ["jais-2"]),
        (new(Qwen2()) { CleansSpaces = true }, ["megrez", "stablelm2"]),
        (new(Qwen2()), ["qwen2", "deepseek-r1-qwen", "f2llmv2", "grok-2", "hunyuan", "kormo", "solar-open"]),
        (new(Lines(), Qwen2()), ["laguna"]),
        (new(Qwen35()), ["qwen35"]),
        (new(Bailing()), ["bailingmoe", "bailingmoe2", "llada-moe"]),
        (new(SeedCoder()), ["seed-coder"]),
        (new(Ufakzeka()), ["ufakzeka"]),
        (new(ExaoneMoe()) { CleansSpaces = true }, ["exaone-moe"]),
        (new(Tekken()) { AddsBos = true, PrefersWholeWords = true }, ["tekken"]),
        (new(Gpt4o()), ["gpt-4o", "kanana2", "llama4", "minimax-m2", "talkie"]),
        (new(Gpt4o()) { PrefersWholeWords = true }, ["granite-embed-multi-97m"]),
        (new(WholeDigits(), Gpt4o()) { GroupsDigits = true }, ["cohere2moe", "tiny_aya"]),
        (new(YoutuScripts(), Youtu()) { PrefersWholeWords = true }, ["youtu"]),
        (new(KimiK2()) { HanStand = '\u4E00' }, ["kimi-k2"]),
        (new(LineEnd(), DeepSeekLetters(), DeepSeekMarks(), LastSpaces(), DeepSeekScripts(), Digits()), ["deepseek-llm"]),
        (new(LineEnd(), SpaceAndLetters(), SpaceAndMarks(), DeepSeekScripts(), Digit()), ["deepseek-coder"]),
        (new(UpToThreeDigits(), ChineseAndKana(), DeepSeek3()), ["deepseek-v3", "hunyuan-dense", "hy_v4", "joyai-llm"]),
        (new(UpToThreeDigits(), ChineseAndKana(), Spark(), Digit()), ["spark2_5"]),
        (new(Digits(), AsianScripts(), DeepSeek3()) { GroupsDigits = true }, ["afmoe"]),
        (new(DecimalDigits(), Digits()) { GroupsDigits = true }, ["superbpe"]),
        (new(BloomWords()) { CleansSpaces = true }, ["bloom", "gpt3-finnish"]),
        (new(BloomWords()), ["poro-chat"]),
        (new(BloomWords(), Digit()), ["viking"]),
        (new(Lines()) { SpellsCharacters = true, KeepsLineEnds = true, AddsBos = true }, [Gemma4, "granite-embed-multi-311m"]),
        (new(Lines()) { SpellsCharacters = true }, ["sarvam-moe"]),
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
            : throw new UnsupportedModelException(
                $"{metadata.Source}: {Key}: '{name}' is not supported; supported are {string.Join(", ", Names)}. If one of these splits words as this model's makers do, write its name into the file.");
    }

    // What several patterns share: English endings, and letters by their case, of which those without case and marks count as both.
    private const string Endings = "'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])";
    private const string Upper = @"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}";
    private const string Lower = @"\p{Ll}\p{Lm}\p{Lo}\p{M}";
    private const string CasedWord = $@"[^\r\n\p{{L}}\p{{N}}]?[{Upper}]*[{Lower}]+(?:{Endings})?|[^\r\n\p{{L}}\p{{N}}]?[{Upper}]+[{Lower}]*(?:{Endings})?";
    private const string Spaces = @"\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Han = @"\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF";

    // Letters, numbers or other marks with the space before them, English endings, white space but for the last before a word.
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    private static partial Regex Gpt2();

    // As above, but any one mark may precede letters, three digits at most stand together, line ends stay with what precedes them.
    [GeneratedRegex($@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{Spaces}")]
    private static partial Regex Llama3();

    // As above, with white space in powers of two. Line ends are looked for once in a run of spaces, else its pieces would each scan the rest of it.
    [GeneratedRegex($@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|(?<![^\S\r\n])\s*[\r\n]+|\s{{512}}(?!\S)|\s{{256}}(?!\S)|\s{{128}}(?!\S)|\s{{64}}(?!\S)|\s{{32}}(?!\S)|\s{{16}}(?!\S)|\s{{8}}(?!\S)|\s{{4}}(?!\S)|\s{{1,2}}(?!\S)|\s")]
    private static partial Regex Jais2();

    // Llama 3 with every digit alone.
    [GeneratedRegex($@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{Spaces}")]
    private static partial Regex Qwen2();

    // Qwen 2 with combining marks as letters.
    [GeneratedRegex($@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{Spaces}")]
    private static partial Regex Qwen35();

    // Qwen 2 where white space takes one line end.
    [GeneratedRegex($@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")]
    private static partial Regex Bailing();

    // Qwen 2 where marks do not take line ends.
    [GeneratedRegex($@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|{Spaces}")]
    private static partial Regex SeedCoder();

    // Qwen 2 without English endings.
    [GeneratedRegex($@"[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{Spaces}")]
    private static partial Regex Ufakzeka();

    // Words of letters and their marks, with single spaces between them, are one: its vocabulary has pieces of several words.
    [GeneratedRegex($@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?(?:\p{{L}}\p{{M}}*(?: \p{{L}}\p{{M}}*)*)+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+")]
    private static partial Regex ExaoneMoe();

    // Words end where capitals follow small letters; marks keep the slashes behind them.
    [GeneratedRegex($@"[^\r\n\p{{L}}\p{{N}}]?[{Upper}]*[{Lower}]+|[^\r\n\p{{L}}\p{{N}}]?[{Upper}]+[{Lower}]*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{Spaces}")]
    private static partial Regex Tekken();

    // As above, with English endings kept on words and three digits at most together.
    [GeneratedRegex($@"{CasedWord}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{Spaces}")]
    private static partial Regex Gpt4o();

    // As above, with every digit alone.
    [GeneratedRegex($@"{CasedWord}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{Spaces}")]
    private static partial Regex Youtu();

    // Hangul; full-width marks; Bopomofo; Chinese and Kana.
    [GeneratedRegex(@"[\uAC00-\uD7A3\u3131-\u318E]+|[\uFF01\u2026\u201C\u201D\u2018\u2019\u2014\uFF1A\uFF1B\uFF0C\u3001-\u303F\uFE30-\uFE4F]+|[\u3105-\u312F]+|[\u4E00-\u9FA5\u3040-\u309F\u30A0-\u30FF]+")]
    private static partial Regex YoutuScripts();

    // GPT-4o with Chinese apart from other letters, and no slashes after marks.
    [GeneratedRegex($@"[{Han}]+|[^\r\n\p{{L}}\p{{N}}]?[{Upper}-[{Han}]]*[{Lower}-[{Han}]]+(?:{Endings})?|[^\r\n\p{{L}}\p{{N}}]?[{Upper}-[{Han}]]+[{Lower}-[{Han}]]*(?:{Endings})?|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{Spaces}")]
    private static partial Regex KimiK2();

    // A mark with the Latin letters after it, letters with what precedes them, marks with the space before them.
    [GeneratedRegex($@"[!-/:-@\[-`{{-~][A-Za-z]+|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+| ?[\p{{P}}\p{{S}}]+[\r\n]*|{Spaces}")]
    private static partial Regex DeepSeek3();

    // As above, with every line end alone.
    [GeneratedRegex(@"[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+")]
    private static partial Regex Spark();

    // Letters with case up to Unicode 11, within the BMP.
    [GeneratedRegex(@"\s?[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A]+")]
    private static partial Regex DeepSeekLetters();

    [GeneratedRegex(@"\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+")]
    private static partial Regex DeepSeekMarks();

    [GeneratedRegex(@"[\u0800-\u9FA5\uAC00-\uD7FF]+")]
    private static partial Regex DeepSeekScripts();

    [GeneratedRegex(@"[\u4E00-\u9FA5\u3040-\u30FF]+")]
    private static partial Regex ChineseAndKana();

    // Chinese, Kana, Thai, Lao, Khmer, Burmese, Hangul.
    [GeneratedRegex(@"[\u4E00-\u9FFF\u3400-\u4DBF\uF900-\uFAFF\u3040-\u30FF\uFF65-\uFF9F\u2F00-\u2FDF\u0E40-\u0E7F\u0E80-\u0EFF\u1780-\u17FF\u1000-\u109F\uAA60-\uAA7F\uA9E0-\uA9FF\uAC00-\uD7AF\u1100-\u11FF]+")]
    private static partial Regex AsianScripts();

    [GeneratedRegex(@" ?[^(\s|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)]+")]
    private static partial Regex BloomWords();

    [GeneratedRegex("<sentinel:[0-9]+>|IMGIMG[A-I]{1,4}Z")]
    private static partial Regex ChameleonTokens();

    [GeneratedRegex(@"[\t\n]|    |  ")]
    private static partial Regex ChameleonSpaces();

    [GeneratedRegex(@"[\p{P}!-/:-@\[-`{-~]")]
    private static partial Regex ChameleonMark();

    [GeneratedRegex(@"[\p{P}$+<=>^~|]+")]
    private static partial Regex DefaultMarks();

    [GeneratedRegex(@"[\p{P}$+<=>^~|`]+")]
    private static partial Regex FalconMarks();

    [GeneratedRegex(@"\s?\p{L}+")]
    private static partial Regex SpaceAndLetters();

    [GeneratedRegex(@"\s?\p{P}+")]
    private static partial Regex SpaceAndMarks();

    // The look behind keeps this linear: only the first of a run of spaces tries.
    [GeneratedRegex(@"(?<!\s)\s+\z")]
    private static partial Regex LastSpaces();

    [GeneratedRegex(@"[\r\n]")]
    private static partial Regex LineEnd();

    [GeneratedRegex(@"[^\n]+|\n+")]
    private static partial Regex Lines();

    [GeneratedRegex(@"\p{N}")]
    private static partial Regex Digit();

    [GeneratedRegex(@"\p{N}+")]
    private static partial Regex Digits();

    [GeneratedRegex(@"\p{N}{1,3}")]
    private static partial Regex UpToThreeDigits();

    [GeneratedRegex("[0-9][0-9][0-9]")]
    private static partial Regex ThreeDigits();

    [GeneratedRegex(@"\d+")]
    private static partial Regex DecimalDigits();

    // Digits that no letter follows.
    [GeneratedRegex("(?<![0-9])(?>[0-9]+)(?![A-Za-z_])")]
    private static partial Regex WholeDigits();
}
