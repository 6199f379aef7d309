namespace EmbeddedLlm.Grammar.Automata;

/// <summary>The kinds of expression. <see cref="And"/> and <see cref="Not"/> hold no calls.</summary>
internal enum ExprKind : byte
{
    /// <summary>Matches nothing.</summary>
    Never,

    /// <summary>Matches the empty text.</summary>
    Empty,

    /// <summary>One byte of a set.</summary>
    Bytes,

    /// <summary>One token of a set, whatever it writes.</summary>
    Tokens,

    /// <summary>What a rule matches.</summary>
    Call,
    Seq,
    Alt,
    Repeat,
    And,
    Not,

    /// <summary>An expression that is written out when it is reached.</summary>
    Form,
}
