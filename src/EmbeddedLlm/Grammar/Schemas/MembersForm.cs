using System.Numerics;
using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>The members of an object that are still to come.</summary>
/// <param name="Spec">The object.</param>
/// <param name="Done">One bit for each named property that may not come any more.</param>
/// <param name="Count">Members that came; it stops counting where no bound looks at it.</param>
/// <param name="IsFirst">Whether none came, so that no comma stands before the next.</param>
internal sealed record MembersForm(ObjectSpec Spec, BigInteger Done, int Count, bool IsFirst) : Form
{
    public override bool IsNullable => Count >= Spec.Min && MissingRequired() == 0;

    public override bool IsProductive => CanFinish();

    public override Expr Expand(ExprPool pool)
    {
        var keys = new List<(byte[] Key, Expr Tail)>();
        for (var i = 0; i < Spec.Named.Count; i++)
        {
            var (name, value, isRequired) = Spec.Named[i];
            if (!(Done >> i).IsEven || !value.IsProductive)
                continue;
            // In the order of the schema, those before the one that comes have had their turn.
            var done = Spec.AllowAnyOrder ? Done | (BigInteger.One << i) : (BigInteger.One << (i + 1)) - 1;
            var next = new MembersForm(Spec, done, Add(), false);
            if (next.CanFinish())
                keys.Add((name, Tail(pool, value, next)));
            if (isRequired && !Spec.AllowAnyOrder)
                break;
        }
        var branches = new List<Expr>();
        if (keys.Count > 0)
            branches.Add(pool.Choice(keys));
        if (Spec.AllowAnyOrder || MissingRequired() == 0)
        {
            var done = Spec.AllowAnyOrder ? Done : (BigInteger.One << Spec.Named.Count) - 1;
            var next = new MembersForm(Spec, done, Add(), false);
            foreach (var (names, value) in Spec.Others)
            {
                if (value.IsProductive && next.CanFinish())
                    branches.Add(pool.Seq(names, Tail(pool, value, next)));
            }
        }
        var member = pool.Seq(Spec.Spelling.NameStart, pool.Alt([.. branches]));
        if (!IsFirst)
            member = pool.Seq(Spec.Spelling.Between, member);
        return IsNullable ? pool.Optional(member) : member;
    }

    private Expr Tail(ExprPool pool, Rule value, MembersForm next) =>
        pool.Seq([Spec.BeforeValue, pool.Call(value), Spec.Spelling.ValueEnd, pool.FormOf(next)]);

    private int Add() => Spec.Max >= 0 || Count < Spec.Min ? Count + 1 : Count;

    private int MissingRequired()
    {
        var missing = 0;
        for (var i = 0; i < Spec.Named.Count; i++)
            missing += Spec.Named[i].IsRequired && (Done >> i).IsEven ? 1 : 0;
        return missing;
    }

    // Whether the bounds can still be kept: all that must come can, and enough of what may.
    private bool CanFinish()
    {
        var required = 0;
        var possible = 0;
        for (var i = 0; i < Spec.Named.Count; i++)
        {
            if (!(Done >> i).IsEven)
                continue;
            var (_, value, isRequired) = Spec.Named[i];
            if (isRequired && !value.IsProductive)
                return false;
            required += isRequired ? 1 : 0;
            possible += value.IsProductive ? 1 : 0;
        }
        if (Spec.Max >= 0 && Math.Max(Count + required, Spec.Min) > Spec.Max)
            return false;
        return Count + possible >= Spec.Min || Spec.Others.Any(other => other.Value.IsProductive);
    }
}
