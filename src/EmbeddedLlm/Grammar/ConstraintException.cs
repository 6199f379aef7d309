namespace EmbeddedLlm.Grammar;

/// <summary>A schema, a regular expression or a grammar that cannot constrain an answer: malformed, out of reach, or over a limit.</summary>
public sealed class ConstraintException : LlmException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="source">Where it lies: a JSON pointer into a schema, or <c>line:column</c> of a text.</param>
    /// <param name="feature">The keyword or construct.</param>
    /// <param name="message">What was expected and what was found.</param>
    /// <param name="isLimit">Whether a limit on size, depth or work was passed.</param>
    public ConstraintException(string source, string feature, string message, bool isLimit = false) : base($"{source}: {feature}: {message}") =>
        (Location, Feature, IsLimit) = (source, feature, isLimit);

    /// <summary>Where it lies: a JSON pointer into a schema, or <c>line:column</c> of a text.</summary>
    public string Location { get; }

    /// <summary>The keyword or construct.</summary>
    public string Feature { get; }

    /// <summary>Whether a limit on size, depth or work was passed.</summary>
    public bool IsLimit { get; }

    internal static ConstraintException Limit(string feature, string message) => new("constraint", feature, message, isLimit: true);
}
