namespace EmbeddedLlm.Testing;

/// <summary>A test's expectation of a stub was not met. Every test framework reports it as a failed test; the message says what was expected and what came.</summary>
public sealed class StubAssertionException : Exception
{
    /// <summary>Without a message.</summary>
    public StubAssertionException()
    {
    }

    /// <summary>With what was expected and what came.</summary>
    public StubAssertionException(string message) : base(message)
    {
    }

    /// <summary>With what was expected and what came, and why.</summary>
    public StubAssertionException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
