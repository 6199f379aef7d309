namespace EmbeddedLlm.Chat.Templates;

/// <summary>A Jinja template could not be parsed, failed while rendering, raised an exception itself, or reached a limit of <see cref="JinjaLimits"/>.</summary>
public sealed class JinjaException : LlmException
{
    /// <summary>Makes the exception.</summary>
    public JinjaException()
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public JinjaException(string message) : base(message)
    {
    }

    /// <summary>Makes the exception with a message and its cause.</summary>
    public JinjaException(string message, Exception innerException) : base(message, innerException)
    {
    }

    internal JinjaException(string message, JinjaPosition at, Exception? cause = null)
        : base($"{message} (line {at.Line}, column {at.Column} of the template)", cause!)
    {
        Line = at.Line;
        Column = at.Column;
    }

    /// <summary>The line of the template, counted from 1; 0 where no place is known.</summary>
    public int Line { get; }

    /// <summary>The column in that line, counted from 1 in UTF-16 units; 0 where no place is known.</summary>
    public int Column { get; }
}
