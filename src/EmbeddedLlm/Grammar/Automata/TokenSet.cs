namespace EmbeddedLlm.Grammar.Automata;

/// <summary>One token by its id, or every token but that one.</summary>
internal readonly record struct TokenSet(int Id, bool IsNegated)
{
    public bool Contains(int id) => id == Id != IsNegated;
}
