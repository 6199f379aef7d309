namespace EmbeddedLlm.Grammar;

/// <summary>How a JSON schema becomes a constraint.</summary>
public sealed class ConstraintOptions
{
    /// <summary>Whether white space may stand between the parts of the JSON text: at most a line end with its indentation, or a space. Else there is none.</summary>
    public bool AllowWhiteSpace { get; init; }

    /// <summary>Whether properties may come in any order. Else they come in the order in which the schema lists them, those it does not list last.</summary>
    public bool AllowAnyOrder { get; init; }

    /// <summary>Whether keywords that cannot be enforced are passed over with a warning. Else they are refused.</summary>
    public bool PassOverUnenforceable { get; init; }
}
