namespace EmbeddedLlm.Engine;

/// <summary>Why a generation ended by itself.</summary>
internal enum StopReason
{
    /// <summary>The model gave one of the request's stop tokens.</summary>
    Stop,

    /// <summary>The request's token limit or the context is reached.</summary>
    Length,
}
