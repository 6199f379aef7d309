namespace EmbeddedLlm.Cli;

/// <summary>What a command reads from and writes to. Tests bring their own.</summary>
internal sealed record Terminal(TextReader In, TextWriter Out, TextWriter Error, Interrupts Interrupts);
