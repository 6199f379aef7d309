namespace EmbeddedLlm.Grammar.Automata;

/// <summary>Finishes the rules of a grammar: which match the empty text, and which match nothing and are taken out, so that no text leads into them.</summary>
internal static class RuleSet
{
    /// <summary>Seals the rules.</summary>
    /// <returns>Whether the root matches any text.</returns>
    public static bool Seal(ExprPool pool, List<Rule> rules, Rule root)
    {
        var derivatives = new Derivatives(pool);
        foreach (var rule in rules)
            (rule.IsNullable, rule.IsProductive) = (false, false);
        Settle(rules, rule => rule.IsProductive, rule => rule.IsProductive = true, (rule, known) => IsProductive(rule.Body!, known, derivatives));
        Settle(rules, rule => rule.IsNullable, rule => rule.IsNullable = true, (rule, known) => IsNullable(rule.Body!, known));
        var rewritten = new Dictionary<Expr, Expr>();
        foreach (var rule in rules)
            rule.Body = rule.IsProductive ? Rewrite(pool, rule.Body!, rewritten, derivatives) : pool.Never;
        return root.IsProductive;
    }

    private static void Settle(List<Rule> rules, Predicate<Rule> isSet, Action<Rule> set, Func<Rule, Dictionary<Expr, bool>, bool> test)
    {
        for (var changed = true; changed;)
        {
            changed = false;
            var known = new Dictionary<Expr, bool>();
            foreach (var rule in rules)
            {
                if (isSet(rule) || !test(rule, known))
                    continue;
                set(rule);
                changed = true;
            }
        }
    }

    private static bool IsProductive(Expr expr, Dictionary<Expr, bool> known, Derivatives derivatives)
    {
        // Along a sequence without going deeper, for long literals.
        for (; expr.Kind == ExprKind.Seq; expr = expr.Rest!)
        {
            if (!IsProductive(expr.First!, known, derivatives))
                return false;
        }
        switch (expr.Kind)
        {
            case ExprKind.Never:
                return false;
            case ExprKind.Call:
                return expr.Rule!.IsProductive;
            case ExprKind.Form:
                return expr.Form!.IsProductive;
            case ExprKind.And:
                return derivatives.IsLive(expr);
            case ExprKind.Repeat when expr.Min == 0:
                return true;
            case ExprKind.Alt or ExprKind.Repeat:
                break;
            default:
                return true;
        }
        if (known.TryGetValue(expr, out var productive))
            return productive;
        ConstraintLimits.CheckStack();
        productive = expr.Kind == ExprKind.Alt
            ? Array.Exists(expr.Parts, part => IsProductive(part, known, derivatives))
            : IsProductive(expr.First!, known, derivatives);
        known[expr] = productive;
        return productive;
    }

    private static bool IsNullable(Expr expr, Dictionary<Expr, bool> known)
    {
        if (expr.Kind == ExprKind.Call)
            return expr.Rule!.IsNullable;
        if (expr.Nullable is { } settled)
            return settled;
        if (expr.Kind == ExprKind.Form)
            return expr.Form!.IsNullable;
        if (known.TryGetValue(expr, out var nullable))
            return nullable;
        ConstraintLimits.CheckStack();
        nullable = expr.Kind switch
        {
            ExprKind.Seq => IsNullable(expr.First!, known) && IsNullable(expr.Rest!, known),
            ExprKind.Alt => Array.Exists(expr.Parts, part => IsNullable(part, known)),
            ExprKind.And => Array.TrueForAll(expr.Parts, part => IsNullable(part, known)),
            ExprKind.Not => !IsNullable(expr.First!, known),
            _ => expr.Min == 0 || IsNullable(expr.First!, known),
        };
        known[expr] = nullable;
        return nullable;
    }

    // Takes out what matches nothing.
    private static Expr Rewrite(ExprPool pool, Expr expr, Dictionary<Expr, Expr> rewritten, Derivatives derivatives)
    {
        var start = expr;
        if (rewritten.TryGetValue(start, out var known))
            return known;
        ConstraintLimits.CheckStack();
        var before = new List<Expr>();
        for (; expr.Kind == ExprKind.Seq; expr = expr.Rest!)
            before.Add(expr.First!);
        var result = expr.Kind switch
        {
            ExprKind.Call when !expr.Rule!.IsProductive => pool.Never,
            ExprKind.Form when !expr.Form!.IsProductive => pool.Never,
            ExprKind.And when !derivatives.IsLive(expr) => pool.Never,
            ExprKind.Alt => pool.Alt([.. expr.Parts.Select(part => Rewrite(pool, part, rewritten, derivatives))]),
            ExprKind.Repeat => pool.Repeat(Rewrite(pool, expr.First!, rewritten, derivatives), expr.Min, expr.Max),
            _ => expr,
        };
        for (var i = before.Count - 1; i >= 0; i--)
            result = pool.Seq(before[i].Kind == ExprKind.Bytes ? before[i] : Rewrite(pool, before[i], rewritten, derivatives), result);
        rewritten[start] = result;
        return result;
    }
}
