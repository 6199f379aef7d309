using System.Runtime.CompilerServices;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>Runs the statements of one template, once. The other half of this class evaluates expressions.</summary>
internal sealed partial class JinjaInterpreter
{
    private enum Flow { Next, Break, Continue }

    private JinjaScope _scope;
    private JinjaTextBuilder _output;
    private JinjaPosition _at = new(1, 1);

    private JinjaInterpreter(JinjaBudget budget, JinjaScope scope)
    {
        Budget = budget;
        _scope = scope;
        _output = new(budget);
    }

    public JinjaBudget Budget { get; }

    /// <summary>The text that a template makes of the variables.</summary>
    public static string Run(JinjaStatement[] body, IEnumerable<(string Name, object? Value)> variables, JinjaBudget budget)
    {
        var globals = new JinjaScope(null);
        foreach (var (name, value) in JinjaGlobals.All)
            globals.Set(name, value);
        foreach (var (name, value) in variables)
            globals.Set(name, value);
        var interpreter = new JinjaInterpreter(budget, new(globals));
        try
        {
            interpreter.Execute(body);
            return interpreter._output.ToString();
        }
        catch (JinjaException failure) when (failure.Line == 0)
        {
            throw new JinjaException(failure.Message, interpreter._at, failure);
        }
    }

    /// <summary>Pays for a node and keeps its place for errors; refuses to go deeper than the stack bears.</summary>
    private void Visit(JinjaNode node)
    {
        _at = node.At;
        Budget.Spend();
        EnsureStack();
    }

    private static void EnsureStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new JinjaException("The template nests too deeply for the stack of this thread.");
    }

    private Flow Execute(JinjaStatement[] body)
    {
        foreach (var statement in body)
        {
            if (Execute(statement) is var flow and not Flow.Next)
                return flow;
        }
        return Flow.Next;
    }

    private Flow Execute(JinjaStatement statement)
    {
        Visit(statement);
        switch (statement)
        {
            case JinjaStatement.Text text:
                _output.Append(text.Content);
                return Flow.Next;
            case JinjaStatement.Print print:
                _output.Append(JinjaText.Str(Budget, Evaluate(print.Value)));
                return Flow.Next;
            case JinjaStatement.If branch:
                foreach (var (test, body) in branch.Branches)
                {
                    if (JinjaOperators.IsTrue(Evaluate(test)))
                        return Execute(body);
                }
                return Execute(branch.Else);
            case JinjaStatement.For loop:
                Loop(loop, Evaluate(loop.Items), _scope, 0);
                return Flow.Next;
            case JinjaStatement.Set set:
                Assign(set.Target, Evaluate(set.Value));
                return Flow.Next;
            case JinjaStatement.SetBlock set:
                return Capture(set.Body, new(_scope), text => Assign(set.Target, ApplyTo(set.Filter, text)));
            case JinjaStatement.FilterBlock block:
                return Capture(block.Body, new(_scope), text => _output.Append(JinjaText.Str(Budget, ApplyTo(block.Filter, text))));
            case JinjaStatement.With with:
                var inner = new JinjaScope(_scope);
                var values = Array.ConvertAll(with.Values, v => Evaluate(v.Value));
                return In(inner, () =>
                {
                    for (var i = 0; i < values.Length; i++)
                        Assign(with.Values[i].Target, values[i]);
                    return Execute(with.Body);
                });
            case JinjaStatement.Macro macro:
                // It keeps its scope alive.
                Budget.SpendMemory(512);
                _scope.Set(macro.Definition.Name, new JinjaMacro(macro.Definition, _scope));
                return Flow.Next;
            case JinjaStatement.CallBlock block:
                Budget.SpendMemory(512);
                var caller = new JinjaMacro(block.Caller, _scope);
                _output.Append(JinjaText.Str(Budget, Call(block.Call, ("caller", caller))));
                return Flow.Next;
            case JinjaStatement.Generation generation:
                return In(new(_scope), () => Execute(generation.Body));
            case JinjaStatement.Break:
                return Flow.Break;
            case JinjaStatement.Continue:
                return Flow.Continue;
            default:
                throw new InvalidOperationException($"There is no statement {statement.GetType().Name}.");
        }
    }

    private T In<T>(JinjaScope scope, Func<T> run)
    {
        var outer = _scope;
        _scope = scope;
        var result = run();
        _scope = outer;
        return result;
    }

    /// <summary>Runs a body in a scope of its own and hands over what it prints, unless it leaves the loop around it.</summary>
    private Flow Capture(JinjaStatement[] body, JinjaScope scope, Action<string> use)
    {
        var outer = _output;
        _output = new(Budget);
        var flow = In(scope, () => Execute(body));
        var text = _output.ToString();
        _output = outer;
        if (flow == Flow.Next)
            use(text);
        return flow;
    }

    private void Assign(JinjaExpression target, object? value)
    {
        switch (target)
        {
            case JinjaExpression.Name name:
                Budget.SpendMemory(64);
                _scope.Set(name.Identifier, value);
                break;
            case JinjaExpression.Attribute attribute:
                if (Evaluate(attribute.Target) is not JinjaNamespace space)
                    throw new JinjaException($"The attribute '{attribute.Identifier}' can only be set on a namespace().");
                if (!space.Values.ContainsKey(attribute.Identifier))
                    Budget.SpendMemory(64);
                space.Values[attribute.Identifier] = value;
                break;
            case JinjaExpression.TupleLiteral tuple:
                var items = new List<object?>();
                foreach (var item in Iterate(value))
                {
                    items.Add(item);
                    if (items.Count > tuple.Items.Length)
                        throw new JinjaException($"There are more than the {tuple.Items.Length} values expected here.");
                }
                if (items.Count < tuple.Items.Length)
                    throw new JinjaException($"There are {items.Count} values here, expected {tuple.Items.Length}.");
                for (var i = 0; i < items.Count; i++)
                    Assign(tuple.Items[i], items[i]);
                break;
        }
    }

    /// <summary>Runs a loop over the items; <paramref name="outer"/> is the scope around the loop, also for <c>loop(…)</c> from inside.</summary>
    private void Loop(JinjaStatement.For node, object? items, JinjaScope outer, int depth)
    {
        Func<object?, string>? recurse = !node.IsRecursive ? null : inner =>
        {
            Budget.EnterCall();
            var output = _output;
            _output = new(Budget);
            Loop(node, inner, outer, depth + 1);
            var text = _output.ToString();
            _output = output;
            Budget.LeaveCall();
            return text;
        };
        Budget.Spend(items is JinjaContainer ? 0 : JinjaOperators.Weight(items));
        var loop = new JinjaLoop(Budget, node.Test is null ? Iterate(items) : Select(node, items, outer), node.Test is null ? items : null, depth, recurse);
        // As in Jinja: 'else' runs unless the body ran to its end at least once.
        var hasFinished = false;
        while (loop.MoveNext())
        {
            Budget.Spend();
            var scope = new JinjaScope(outer);
            scope.Set("loop", loop);
            var flow = In(scope, () =>
            {
                Assign(node.Target, loop.Current);
                return Execute(node.Body);
            });
            hasFinished |= flow == Flow.Next;
            if (flow == Flow.Break)
                break;
        }
        if (!hasFinished)
            In(new(outer), () => Execute(node.Else));
    }

    private IEnumerable<object?> Select(JinjaStatement.For node, object? items, JinjaScope outer)
    {
        foreach (var item in Iterate(items))
        {
            var isSelected = In(new(outer), () =>
            {
                Assign(node.Target, item);
                return JinjaOperators.IsTrue(Evaluate(node.Test!));
            });
            if (isSelected)
                yield return item;
        }
    }

    private string CallMacro(JinjaMacro macro, JinjaArguments arguments)
    {
        var definition = macro.Definition;
        var scope = new JinjaScope(macro.Scope);
        var named = arguments.Named.ToDictionary(a => a.Name, a => a.Value);
        var result = "";
        Budget.EnterCall();
        Budget.SpendMemory(64L * definition.Parameters.Length);
        In(scope, () =>
        {
            // Defaults are evaluated at each call and see the parameters before them.
            for (var i = 0; i < definition.Parameters.Length; i++)
            {
                var (name, fallback) = definition.Parameters[i];
                if (i < arguments.Positional.Length)
                    scope.Set(name, arguments.Positional[i]);
                else if (named.Remove(name, out var value))
                    scope.Set(name, value);
                else
                    scope.Set(name, fallback is null ? Undefined($"The parameter '{JinjaText.Short(name)}' of '{JinjaText.Short(definition.Name)}' was not given.") : Evaluate(fallback));
            }
            if (definition.TakesCaller)
                scope.Set("caller", named.Remove("caller", out var caller) ? caller : new JinjaUndefined("No caller is defined: the macro was not called by a call block."));
            var surplus = arguments.Positional.Skip(definition.Parameters.Length).ToArray();
            if (definition.TakesVarargs)
                scope.Set("varargs", new JinjaTuple(Budget, surplus));
            else if (surplus.Length > 0)
                throw new JinjaException($"The macro '{definition.Name}' takes at most {definition.Parameters.Length} arguments, found {arguments.Positional.Length}.");
            if (definition.TakesKwargs)
                scope.Set("kwargs", new JinjaDict(Budget, [.. named.Select(n => ((object?)n.Key, n.Value))]));
            else if (named.Count > 0)
                throw new JinjaException($"The macro '{definition.Name}' has no argument '{named.Keys.First()}'.");
            return Capture(definition.Body, scope, text => result = text);
        });
        Budget.LeaveCall();
        return result;
    }
}
