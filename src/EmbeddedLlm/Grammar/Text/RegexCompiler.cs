using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Text;

/// <summary>Compiles regular expressions, over characters that are written in one way or another: as UTF-8, or as JSON strings write them.</summary>
/// <param name="pool">Where expressions are made.</param>
/// <param name="encode">How a character of a set is written.</param>
/// <param name="name">Stands in errors.</param>
internal sealed class RegexCompiler(ExprPool pool, Func<CodePoints, Expr> encode, string name)
{
    private readonly Expr _anyText = pool.Repeat(encode(CodePoints.All), 0, -1);

    /// <summary>The texts that match from beginning to end.</summary>
    public Expr Whole(RegexNode node) => Build(node, pool.Empty, atStart: true);

    /// <summary>The texts that hold a match somewhere.</summary>
    public Expr Search(RegexNode node) => BuildSearch(node, _anyText);

    // The expression and what may stand before it: nothing where it begins with ^.
    private Expr BuildSearch(RegexNode node, Expr tail)
    {
        ConstraintLimits.CheckStack();
        switch (node)
        {
            case RegexNode.Start:
                return tail;
            case RegexNode.Choice choice:
                return pool.Alt([.. choice.Parts.Select(part => BuildSearch(part, tail))]);
            case RegexNode.Sequence { Parts: [RegexNode.Start, ..] parts }:
                return Build(new RegexNode.Sequence([.. parts.Skip(1)]), tail, atStart: true);
            case RegexNode.Sequence { Parts: [RegexNode.Choice or RegexNode.Sequence, ..] parts } when HasStart(parts[0]):
                return BuildSearch(parts[0], Build(new RegexNode.Sequence([.. parts.Skip(1)]), tail, atStart: false));
            default:
                return pool.Seq(_anyText, Build(node, tail, atStart: false));
        }
    }

    private static bool HasStart(RegexNode node) => node switch
    {
        RegexNode.Start => true,
        RegexNode.Choice choice => choice.Parts.Any(HasStart),
        RegexNode.Sequence sequence => sequence.Parts.Any(HasStart),
        _ => false,
    };

    // The expression, then the tail, which runs to the end of the text.
    private Expr Build(RegexNode node, Expr tail, bool atStart)
    {
        ConstraintLimits.CheckStack();
        switch (node)
        {
            case RegexNode.Set set:
                return pool.Seq(encode(set.Characters), tail);
            case RegexNode.Choice choice:
                return pool.Alt([.. choice.Parts.Select(part => Build(part, tail, atStart))]);
            case RegexNode.Sequence sequence:
                var starts = atStart ? sequence.Parts.TakeWhile(part => part is RegexNode.Start or RegexNode.Look).Count() : -1;
                for (var i = sequence.Parts.Count - 1; i >= 0; i--)
                    tail = Build(sequence.Parts[i], tail, i <= starts);
                return tail;
            case RegexNode.Repeat { Min: 1, Max: 1 } once:
                return Build(once.Body, tail, atStart);
            case RegexNode.Repeat repeat:
                return pool.Seq(pool.Repeat(Plain(repeat.Body), repeat.Min, repeat.Max), tail);
            case RegexNode.Start:
                return atStart ? tail : throw Refuse("^ is understood at the beginning of an expression only");
            case RegexNode.End:
                return pool.IsNullable(tail) ? pool.Empty : pool.Never;
            case RegexNode.Look look:
                var ahead = Build(look.Body, _anyText, atStart);
                return pool.And(tail, look.IsNegated ? pool.Not(ahead) : ahead);
            default:
                throw new InvalidOperationException(node.GetType().Name);
        }
    }

    // An expression that is repeated: it must not look beyond itself.
    private Expr Plain(RegexNode node)
    {
        ConstraintLimits.CheckStack();
        return node switch
        {
            RegexNode.Set set => encode(set.Characters),
            RegexNode.Choice choice => pool.Alt([.. choice.Parts.Select(Plain)]),
            RegexNode.Sequence sequence => pool.Seq([.. sequence.Parts.Select(Plain)]),
            RegexNode.Repeat repeat => pool.Repeat(Plain(repeat.Body), repeat.Min, repeat.Max),
            _ => throw Refuse("^, $ and look ahead are not understood inside what is repeated"),
        };
    }

    private ConstraintException Refuse(string reason) => new(name, "regex", reason + ".");
}
