namespace EmbeddedLlm.Grammar.Automata;

/// <summary>Finishes the rules of a grammar: which match the empty text, and which match nothing and are taken out, so that no text leads into them.</summary>
internal static class RuleSet
{
    /// <summary>Seals the rules.</summary>
    /// <returns>Whether the root matches any text.</returns>
    public static bool Seal(ExprPool pool, List<Rule> rules, Rule root)
    {
        foreach (var rule in rules)
            (rule.IsNullable, rule.IsProductive) = (false, false);
        Settle(rules, rule => rule.IsProductive, rule => rule.IsProductive = true, (rule, known) => IsProductive(rule.Body!, known));
        Settle(rules, rule => rule.IsNullable, rule => rule.IsNullable = true, (rule, known) => IsNullable(rule.Body!, known));
        if (rules.Exists(rule => !rule.IsProductive))
        {
            var rewritten = new Dictionary<Expr, Expr>();
            foreach (var rule in rules)
                rule.Body = rule.IsProductive ? Rewrite(pool, rule.Body!, rewritten) : pool.Never;
        }
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

    private static bool IsProductive(Expr expr, Dictionary<Expr, bool> known)
    {
        switch (expr.Kind)
        {
            case ExprKind.Never:
                return false;
            case ExprKind.Call:
                return expr.Rule!.IsProductive;
            case ExprKind.Form:
                return expr.Form!.IsProductive;
            case ExprKind.Repeat when expr.Min == 0:
                return true;
            case ExprKind.Seq or ExprKind.Alt or ExprKind.Repeat:
                break;
            default:
                return true;
        }
        if (known.TryGetValue(expr, out var productive))
            return productive;
        ConstraintLimits.CheckStack();
        productive = expr.Kind switch
        {
            ExprKind.Seq => IsProductive(expr.First!, known) && IsProductive(expr.Rest!, known),
            ExprKind.Alt => Array.Exists(expr.Parts, part => IsProductive(part, known)),
            _ => IsProductive(expr.First!, known),
        };
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

    private static Expr Rewrite(ExprPool pool, Expr expr, Dictionary<Expr, Expr> rewritten)
    {
        if (rewritten.TryGetValue(expr, out var known))
            return known;
        ConstraintLimits.CheckStack();
        var result = expr.Kind switch
        {
            ExprKind.Call => expr.Rule!.IsProductive ? expr : pool.Never,
            ExprKind.Form => expr.Form!.IsProductive ? expr : pool.Never,
            ExprKind.Seq => pool.Seq(Rewrite(pool, expr.First!, rewritten), Rewrite(pool, expr.Rest!, rewritten)),
            ExprKind.Alt => pool.Alt([.. expr.Parts.Select(part => Rewrite(pool, part, rewritten))]),
            ExprKind.Repeat => pool.Repeat(Rewrite(pool, expr.First!, rewritten), expr.Min, expr.Max),
            _ => expr,
        };
        rewritten[expr] = result;
        return result;
    }
}
