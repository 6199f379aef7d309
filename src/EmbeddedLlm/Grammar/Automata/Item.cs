namespace EmbeddedLlm.Grammar.Automata;

/// <summary>What is left to match, and what follows it.</summary>
internal readonly record struct Item(Expr Expr, Continuation Then);
