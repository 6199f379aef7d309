namespace EmbeddedLlm.Chat.Syntax;

/// <summary>How the arguments of a call are written.</summary>
internal abstract record ArgumentShape
{
    /// <summary>One object of a style: JSON, or Gemma's.</summary>
    public sealed record Literal(LiteralStyle Style) : ArgumentShape;

    /// <summary>Python's <c>key=value</c>, joined by commas.</summary>
    public sealed record Keywords : ArgumentShape;

    /// <summary>Each as <c>BeforeName name BeforeText text AfterValue</c>, without quotes, or <c>BeforeName name BeforeOther JSON AfterValue</c>; no text holds <c>ValueEnd</c>.</summary>
    public sealed record Parameters(string BeforeName, string BeforeText, string BeforeOther, string AfterValue, string ValueEnd) : ArgumentShape;
}
