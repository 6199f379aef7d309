namespace EmbeddedLlm;

/// <summary>A file is sound but needs a family, format, tokenizer or op that this library does not have. The message names it.</summary>
public sealed class UnsupportedModelException : LlmException
{
    /// <summary>Makes the exception.</summary>
    public UnsupportedModelException()
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public UnsupportedModelException(string message) : base(message)
    {
    }

    /// <summary>Makes the exception with a message and its cause.</summary>
    public UnsupportedModelException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
