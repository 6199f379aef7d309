namespace EmbeddedLlm.Chat.Syntax;

/// <summary>
/// Calls whose arguments stand each for itself between marks, as in <c>&lt;function=search&gt;&lt;parameter=query&gt;tea&lt;/parameter&gt;&lt;/function&gt;</c>.
/// Names end at a quotation mark where the marks have one; what stands behind it is for <see cref="TypeAttribute"/>.
/// </summary>
internal sealed record ParameterCalls : CallForm
{
    /// <summary>The mark before a call's name; empty where the trigger is it, and a block has one call.</summary>
    public string CallMark { get; init; } = "";

    /// <summary>Stands in the format between a call's name and the mark behind it.</summary>
    public string CallAttributes { get; init; } = "";

    /// <summary>The mark behind a call's name; null where the first parameter or the end of the call is it.</summary>
    public string? NameEnd { get; init; }

    /// <summary>The mark that ends a call.</summary>
    public required string CallEnd { get; init; }

    /// <summary>The mark before a parameter's name.</summary>
    public required string ParameterMark { get; init; }

    /// <summary>The mark behind a parameter's name.</summary>
    public required string ParameterNameEnd { get; init; }

    /// <summary>The mark before a value, where there is one more.</summary>
    public string? ValueMark { get; init; }

    /// <summary>The mark that ends a value.</summary>
    public required string ValueEnd { get; init; }

    /// <summary>Stands around the marks and values in the format, such as a line end.</summary>
    public string Gap { get; init; } = "";

    /// <summary>Whether values stand on lines of their own, whose line ends are no part of them.</summary>
    public bool HasValueLines { get; init; }

    /// <summary>Behind a parameter's name, says that the value is text.</summary>
    public string? TextAttribute { get; init; }

    /// <summary>Behind a parameter's name, where <see cref="TextAttribute"/> does not stand, says that the value is JSON.</summary>
    public string? TypeAttribute { get; init; }

    public override CallShape Shape
    {
        get
        {
            var line = HasValueLines ? "\n" : "";
            var beforeValue = ParameterNameEnd + (ValueMark is null ? "" : Gap + ValueMark) + line;
            var quote = Quote(ParameterMark);
            // A type of JSON has a word of its own.
            var other = TypeAttribute is null ? "" : " " + TypeAttribute + (!TypeAttribute.EndsWith("=\"", StringComparison.Ordinal) ? "" : $"{CallShape.Word}\"");
            var parameters = new ArgumentShape.Parameters(
                ParameterMark, quote + (TextAttribute is null ? "" : " " + TextAttribute) + beforeValue, quote + other + beforeValue, line + ValueEnd + Gap, ValueEnd);
            return new(Trigger + (CallMark.Length > 0 ? Gap : ""), CallMark, Quote(CallMark) + CallAttributes + (NameEnd ?? "") + Gap, parameters, CallEnd, string.Concat(Closers.Take(1).Select(closer => Gap + closer)), CallMark.Length > 0 ? Gap : null);
        }
    }

    public override IEnumerable<string> Markers =>
        base.Markers.Concat(new[] { CallMark, NameEnd ?? "", CallEnd, ParameterMark, ParameterNameEnd, ValueMark ?? "", ValueEnd }.Where(marker => marker.Length > 0));

    public override CallReader CreateReader(OfferedTools tools, string trigger) => new ParameterCallReader(this, tools, trigger);

    // Names end at a quotation mark where the mark before them has opened one.
    private static string Quote(string mark) => mark.EndsWith('"') ? "\"" : "";

    /// <summary>Whether a parameter is text: what its attributes say, null where they say nothing.</summary>
    public bool? IsText(string attributes) =>
        TextAttribute is not null && attributes.Contains(TextAttribute, StringComparison.Ordinal) ? true
        : TypeAttribute is not null && attributes.Contains(TypeAttribute, StringComparison.Ordinal) ? false
        : null;
}
