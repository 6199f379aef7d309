using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>The items of an array that are still to come.</summary>
/// <param name="Spec">The array.</param>
/// <param name="Index">Items that came; it stops counting where nothing depends on it.</param>
/// <param name="FirstCount">Items of the first set of <c>contains</c> that came, as far as it matters.</param>
/// <param name="SecondCount">The same of the second.</param>
internal sealed record ItemsForm(ArraySpec Spec, int Index, int FirstCount, int SecondCount) : Form
{
    public override bool IsNullable => Index >= Spec.Min && Missing(0) == 0 && Missing(1) == 0;

    public override bool IsProductive => CanFinish([]);

    public override Expr Expand(ExprPool pool)
    {
        var items = new List<Expr>();
        foreach (var (rule, next) in Nexts())
        {
            if (next.CanFinish([]))
                items.Add(pool.Seq(pool.Call(rule), Spec.Space, pool.FormOf(next)));
        }
        var item = pool.Alt([.. items]);
        if (Index > 0)
            item = pool.Seq([pool.Literal(","u8), Spec.Space, item]);
        return IsNullable ? pool.Optional(item) : item;
    }

    private IEnumerable<(Rule Rule, ItemsForm Next)> Nexts()
    {
        if (Spec.Max >= 0 && Index >= Spec.Max)
            yield break;
        var rules = Spec.At(Index);
        for (var set = 0; set < rules.Length; set++)
        {
            var first = Counted(0, FirstCount, (set & 1) != 0);
            var second = Counted(1, SecondCount, (set & 2) != 0);
            if (first < 0 || second < 0 || !rules[set].IsProductive)
                continue;
            // At least one item makes the comma; beyond that a count matters only below a bound.
            var index = Spec.Max >= 0 || Index < Math.Max(Math.Max(Spec.Min, Spec.Items.Length - 1), 1) ? Index + 1 : Index;
            yield return (rules[set], this with { Index = index, FirstCount = first, SecondCount = second });
        }
    }

    // The count after an item, -1 if there may be no more of its kind.
    private int Counted(int set, int count, bool belongs)
    {
        if (!belongs)
            return count;
        var (min, max) = Spec.Wanted[set];
        if (max >= 0)
            return count < max ? count + 1 : -1;
        return Math.Min(count + 1, min);
    }

    private int Missing(int set) =>
        set >= Spec.Wanted.Length ? 0 : Math.Max(0, Spec.Wanted[set].Min - (set == 0 ? FirstCount : SecondCount));

    // Whether some way on ends: without contains that is a question of length, with it the few states are searched.
    private bool CanFinish(HashSet<ItemsForm> visited)
    {
        if (IsNullable)
            return true;
        if (Spec.Wanted.Length == 0)
        {
            if (Spec.Max >= 0 && Spec.Max < Spec.Min)
                return false;
            for (var index = Index; index < Math.Min(Spec.Min, Spec.Items.Length); index++)
            {
                if (!Spec.At(index)[0].IsProductive)
                    return false;
            }
            return true;
        }
        ConstraintLimits.CheckStack();
        return visited.Add(this) && Nexts().Any(next => next.Next.CanFinish(visited));
    }
}
