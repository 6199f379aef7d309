namespace EmbeddedLlm.Grammar.Automata;

/// <summary>A named expression that others call, itself among them.</summary>
internal sealed class Rule(string name)
{
    public string Name { get; } = name;

    /// <summary>What the rule matches; set before the pool is sealed.</summary>
    public Expr? Body { get; set; }

    /// <summary>Whether the rule matches the empty text. Known once the pool is sealed.</summary>
    public bool IsNullable { get; set; }

    /// <summary>Whether the rule matches any text at all. Known once the pool is sealed.</summary>
    public bool IsProductive { get; set; } = true;
}
