namespace EmbeddedLlm;

/// <summary>Something about a model, its file or its use that this library reports.</summary>
public class LlmException : Exception
{
    /// <summary>Makes the exception.</summary>
    public LlmException()
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public LlmException(string message) : base(message)
    {
    }

    /// <summary>Makes the exception with a message and its cause.</summary>
    public LlmException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
