namespace EmbeddedLlm.HuggingFace;

/// <summary>How words are split, from a pre-tokenizer written out in tokenizer.json to the name that GGUF has for it.</summary>
internal static class KnownSplits
{
    private const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string Digits = "digits, each alone";
    private const string Endings = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Tail = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string SlashTail = @" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Llama3 = $@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{Tail}";
    private const string Qwen2 = $@"{Endings}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{Tail}";
    private const string Upper = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+";
    private const string Lower = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*";

    private static readonly Dictionary<(string Stages, bool PrefersWholeWords), string> Names = new()
    {
        [(Gpt2, false)] = "gpt-2",
        [($"{Digits}\n{Gpt2}", false)] = "smollm",
        [(Llama3, true)] = "llama-bpe",
        [(Llama3, false)] = "smaug-bpe",
        [(Qwen2, false)] = "qwen2",
        [($@"{Upper}{Endings}?|{Lower}{Endings}?|\p{{N}}{{1,3}}|{SlashTail}", false)] = "gpt-4o",
        [($@"{Upper}|{Lower}|\p{{N}}|{SlashTail}", true)] = "tekken",
    };

    /// <summary>GGUF's name for the pre-tokenizer of a byte-level vocabulary.</summary>
    /// <param name="preTokenizer">The key <c>pre_tokenizer</c>.</param>
    /// <param name="prefersWholeWords">The key <c>model.ignore_merges</c>.</param>
    /// <exception cref="UnsupportedModelException">It is none of those known; the message has it.</exception>
    public static string NameOf(JsonPart preTokenizer, bool prefersWholeWords)
    {
        var stages = string.Join('\n', Stages(preTokenizer));
        return Names.TryGetValue((stages, prefersWholeWords), out var name)
            ? name
            : throw Unknown(preTokenizer, $"splits words as no other known one: {stages.ReplaceLineEndings(" then ")}{(prefersWholeWords ? " (with ignore_merges)" : "")}");
    }

    private static IEnumerable<string> Stages(JsonPart part)
    {
        var type = part.Require("type", "a string").Text;
        switch (type)
        {
            case "Sequence":
                return part.Require("pretokenizers", "a list").Items().SelectMany(Stages);
            case "ByteLevel":
                if (part["add_prefix_space"]?.Flag == true)
                    throw Unknown(part, "puts a space before every text (add_prefix_space)");
                return part["use_regex"]?.Flag == false ? [] : [Gpt2];
            case "Digits":
                return part["individual_digits"]?.Flag == true ? [Digits] : throw Unknown(part, "keeps digits together");
            case "Split":
                var pattern = part.Require("pattern", "an object")["Regex"] ?? throw Unknown(part, "splits at a string");

                // Whether matches are kept, or all but them is taken away, is the same for patterns that match everything, as those known do.
                return (part["behavior"]?.Text, part["invert"]?.Flag ?? false) is ("Isolated", false) or ("Removed", true)
                    ? [pattern.Text]
                    : throw Unknown(part, $"handles matches in another way ({part["behavior"]?.Text})");
            default:
                throw Unknown(part, $"has a stage '{type}'");
        }
    }

    private static UnsupportedModelException Unknown(JsonPart part, string why) =>
        new($"{part.File}: the pre-tokenizer {why}. Known are those of {string.Join(", ", Names.Values)}. A GGUF file of this model, which names its pre-tokenizer, may load.");
}
