using System.Text.Json;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>What the text of an answer must be; none of these for any text.</summary>
internal abstract record AnswerForm
{
    // JSON, as OpenAI's interface means it: no bare string or number.
    private static readonly JsonElement AnyJson = JsonElement.Parse("""{"type":["object","array"]}""");

    /// <summary>A value of a JSON schema.</summary>
    /// <param name="Value">The schema.</param>
    /// <param name="AllowsWhiteSpace">Whether white space may stand between its parts.</param>
    public sealed record Schema(JsonElement Value, bool AllowsWhiteSpace) : AnswerForm
    {
        public override string Key => $"schema {AllowsWhiteSpace} {Value.GetRawText()}";
    }

    /// <summary>A text of a grammar in GBNF.</summary>
    public sealed record Gbnf(string Text) : AnswerForm
    {
        public override string Key => $"gbnf {Text}";
    }

    /// <summary>A text that a regular expression matches as a whole.</summary>
    public sealed record Regex(string Pattern) : AnswerForm
    {
        public override string Key => $"regex {Pattern}";
    }

    /// <summary>One of some texts.</summary>
    public sealed record Choices(IReadOnlyList<string> Texts) : AnswerForm
    {
        public override string Key => $"choices {string.Concat(Texts.Select(text => $"{text.Length}:{text}"))}";
    }

    /// <summary>The form that a response format asks for; null for any text.</summary>
    public static AnswerForm? Of(ChatResponseFormat? format) => format is ChatResponseFormatJson json ? new Schema(json.Schema ?? AnyJson, AllowsWhiteSpace: false) : null;

    /// <summary>Equal for equal forms.</summary>
    public abstract string Key { get; }
}
