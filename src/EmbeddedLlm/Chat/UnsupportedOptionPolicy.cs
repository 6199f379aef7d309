namespace EmbeddedLlm.Chat;

/// <summary>What becomes of a request that asks for something which the client cannot do.</summary>
public enum UnsupportedOptionPolicy
{
    /// <summary>It fails with <see cref="NotSupportedException"/>, which names the option.</summary>
    Throw,

    /// <summary>It goes on without the option; a warning in the log (event 2030) names it.</summary>
    Log,
}
