namespace EmbeddedLlm.Grammar.Automata;

/// <summary>
/// A set of texts, as an expression over bytes, tokens and rules. Made by an <see cref="ExprPool"/> only, which gives equal expressions one object:
/// what is left of an expression after some bytes (its derivative) is an expression again, so expressions are the states of the automaton.
/// </summary>
internal sealed class Expr(ExprKind kind)
{
    public ExprKind Kind { get; } = kind;

    /// <summary>The order of making, which sorts alternatives.</summary>
    public int Id { get; set; }

    public ByteSet Bytes { get; init; }

    public TokenSet Tokens { get; init; }

    public Rule? Rule { get; init; }

    public Form? Form { get; init; }

    /// <summary>The head of a <see cref="ExprKind.Seq"/>, the body of a <see cref="ExprKind.Repeat"/> or <see cref="ExprKind.Not"/>.</summary>
    public Expr? First { get; init; }

    /// <summary>The rest of a <see cref="ExprKind.Seq"/>.</summary>
    public Expr? Rest { get; init; }

    /// <summary>The parts of <see cref="ExprKind.Alt"/> and <see cref="ExprKind.And"/>.</summary>
    public Expr[] Parts { get; init; } = [];

    public int Min { get; init; }

    /// <summary>The most repetitions, -1 for any number.</summary>
    public int Max { get; init; }

    /// <summary>Whether an intersection stands in it, which may turn out empty later.</summary>
    public bool HasAnd { get; init; }

    /// <summary>Whether texts of any length may match, as far as is plain to see.</summary>
    public bool IsEndless { get; init; }

    // What is known of the expression so far; written under the lock of its automaton.
    public bool? Nullable { get; set; }

    public bool? Live { get; set; }

    public int? Coverage { get; set; }

    public bool? CoversCharacter { get; set; }

    public bool? IsOneCharacter { get; set; }

    public Expr? Expansion { get; set; }

    public Call[]? Calls { get; set; }

    public Transitions<Expr>? Next { get; set; }

    public bool Equivalent(Expr other) =>
        Kind == other.Kind && ReferenceEquals(First, other.First) && ReferenceEquals(Rest, other.Rest) && ReferenceEquals(Rule, other.Rule)
        && Min == other.Min && Max == other.Max && Bytes == other.Bytes && Tokens == other.Tokens
        && (Form is null ? other.Form is null : Form.Equals(other.Form)) && Parts.AsSpan().SequenceEqual(other.Parts);

    public int EquivalenceHash()
    {
        var hash = new HashCode();
        hash.Add((int)Kind);
        switch (Kind)
        {
            case ExprKind.Bytes:
                hash.Add(Bytes);
                break;
            case ExprKind.Tokens:
                hash.Add(Tokens);
                break;
            case ExprKind.Call:
                hash.Add(Rule);
                break;
            case ExprKind.Form:
                hash.Add(Form);
                break;
            case ExprKind.Alt or ExprKind.And:
                foreach (var part in Parts)
                    hash.Add(part.Id);
                break;
            default:
                hash.Add(First?.Id ?? -1);
                hash.Add(Rest?.Id ?? -1);
                hash.Add(Min);
                hash.Add(Max);
                break;
        }
        return hash.ToHashCode();
    }
}
