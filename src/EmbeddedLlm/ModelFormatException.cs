namespace EmbeddedLlm;

/// <summary>A file is damaged or is not what it should be. The message says file, place, expected and found.</summary>
public sealed class ModelFormatException : LlmException
{
    /// <summary>Makes the exception.</summary>
    public ModelFormatException()
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public ModelFormatException(string message) : base(message)
    {
    }

    /// <summary>Makes the exception with a message and its cause.</summary>
    public ModelFormatException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
