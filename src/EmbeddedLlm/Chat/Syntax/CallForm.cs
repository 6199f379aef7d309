namespace EmbeddedLlm.Chat.Syntax;

/// <summary>One way to write calls of tools: how it is recognised, how it is read, and what it looks like.</summary>
internal abstract record CallForm
{
    /// <summary>The text that opens a block of calls.</summary>
    public required string Trigger { get; init; }

    /// <summary>Texts that may close a call or a block; they are no text of the answer.</summary>
    public string[] Closers { get; init; } = [];

    /// <summary>What a block looks like.</summary>
    public abstract CallShape Shape { get; }

    /// <summary>All texts that mean something in this form.</summary>
    public virtual IEnumerable<string> Markers => [Trigger, .. Closers];

    /// <summary>A reader for a block whose trigger has just been read.</summary>
    /// <param name="tools">The tools that are offered.</param>
    /// <param name="trigger">The trigger, which is text of the answer where no call follows; empty where none was read.</param>
    public abstract CallReader CreateReader(OfferedTools tools, string trigger);
}
