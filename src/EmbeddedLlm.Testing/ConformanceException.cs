namespace EmbeddedLlm.Testing;

/// <summary>A backend's result differs from the reference by more than its format allows. The message says where and by how much.</summary>
public sealed class ConformanceException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ConformanceException()
    {
    }

    /// <summary>Makes the exception with a message.</summary>
    public ConformanceException(string message) : base(message)
    {
    }

    /// <summary>Makes the exception with a message and its cause.</summary>
    public ConformanceException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
