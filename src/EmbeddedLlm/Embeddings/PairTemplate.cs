using System.Text.RegularExpressions;

namespace EmbeddedLlm.Embeddings;

/// <summary>A text with the places <c>{query}</c> and <c>{document}</c>, as files of rerankers bring it. It may name control tokens; what is put in may not.</summary>
internal sealed partial class PairTemplate
{
    private readonly string[] _parts;

    private PairTemplate(string[] parts) => _parts = parts;

    /// <summary>What stands behind the last place.</summary>
    public string Tail => _parts[^1];

    /// <summary>Null where the text has not both places.</summary>
    public static PairTemplate? TryParse(string text)
    {
        var parts = Place().Split(text);
        return parts.Contains("{query}") && parts.Contains("{document}") ? new PairTemplate(parts) : null;
    }

    /// <summary>The text in parts, those of the template trusted.</summary>
    public IEnumerable<(string Text, bool IsTrusted)> Fill(string query, string document) => _parts.Select(part => part switch
    {
        "{query}" => (query, false),
        "{document}" => (document, false),
        _ => (part, true),
    });

    [GeneratedRegex(@"(\{query\}|\{document\})")]
    private static partial Regex Place();
}
