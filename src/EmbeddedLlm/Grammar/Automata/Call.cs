namespace EmbeddedLlm.Grammar.Automata;

/// <summary>A rule, or a set of tokens, that may come first in an expression, and what follows it there.</summary>
internal readonly record struct Call(Rule? Rule, TokenSet Tokens, Expr After);
