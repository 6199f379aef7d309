namespace EmbeddedLlm.Chat.Templates;

/// <summary>
/// What a template may use. Templates come from model files, so they are foreign input: whatever they do,
/// rendering ends with a <see cref="JinjaException"/> before memory, stack or patience does.
/// </summary>
public sealed record JinjaLimits
{
    /// <summary>The limits used where none are given.</summary>
    public static JinjaLimits Default { get; } = new();

    /// <summary>UTF-16 units of template source.</summary>
    public int MaxTemplateLength { get; init; } = 1 << 20;

    /// <summary>Levels of nested expressions and blocks in the source, of lists and dicts in a value, and of generators (<c>map</c>, <c>select</c>, …) that walk each other. Chains such as <c>a + b + c</c> may have eight times as many links.</summary>
    public int MaxNesting { get; init; } = 128;

    /// <summary>Work of one rendering: one step for each node evaluated or item visited, and one for each 32 bytes built.</summary>
    public long MaxSteps { get; init; } = 20_000_000;

    /// <summary>Macro calls, recursive loops and calls of <c>caller()</c> inside each other.</summary>
    public int MaxCallDepth { get; init; } = 128;

    /// <summary>UTF-16 units of one string, and so of the output.</summary>
    public int MaxTextLength { get; init; } = 1 << 24;

    /// <summary>
    /// Bytes of strings, lists and other values that one rendering makes, kept or not, by an estimate that is not below what they take.
    /// A rendering therefore never holds more than this, besides its variables and, while a string is made, a few copies of that one.
    /// </summary>
    public long MaxMemory { get; init; } = 1 << 28;

    /// <summary>Elements of one value, those of nested lists and dicts included.</summary>
    public int MaxValueSize { get; init; } = 1 << 22;

    /// <summary>How long one rendering may take.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromSeconds(10);
}
