using System.Diagnostics.CodeAnalysis;

namespace EmbeddedLlm.Backends;

/// <summary>What a backend says of a model.</summary>
/// <param name="CanRun">Whether it can run it.</param>
/// <param name="Rank">Higher is better; the CPU offers 0, the reference −1.</param>
/// <param name="Reason">Why, in words for a log or an error.</param>
[Experimental("ELLM001")]
public readonly record struct BackendOffer(bool CanRun, int Rank, string Reason);
