namespace EmbeddedLlm.Chat.Templates;

/// <summary>The values that a function, filter, test or macro was called with.</summary>
internal sealed record JinjaArguments(object?[] Positional, IReadOnlyList<(string Name, object? Value)> Named)
{
    public static JinjaArguments Of(params object?[] positional) => new(positional, []);
}

/// <summary>
/// A filter, test or method: its parameters behind the value it is applied to, and what it does. A parameter is written
/// <c>name</c>, <c>name=</c> where it may be left out, <c>/name</c> where it has no name to be called by; no parameters at all
/// (null) means that the body looks at the arguments itself.
/// </summary>
internal sealed record JinjaFunction(string Name, string[]? Parameters, Func<JinjaInterpreter, object?, JinjaBound, object?> Body)
{
    public object? Call(JinjaInterpreter interpreter, object? self, JinjaArguments arguments)
    {
        interpreter.Budget.Spend(self is JinjaContainer ? 1 : JinjaOperators.Weight(self));
        return Body(interpreter, self, new(this, Bind(arguments), arguments));
    }

    private object?[] Bind(JinjaArguments arguments)
    {
        if (Parameters is null)
            return [];
        if (arguments.Positional.Length > Parameters.Length)
            throw new JinjaException($"{Name}() takes at most {Parameters.Length} arguments, found {arguments.Positional.Length}.");
        var values = new object?[Parameters.Length];
        Array.Fill(values, JinjaBound.Missing);
        arguments.Positional.CopyTo(values, 0);
        foreach (var (name, value) in arguments.Named)
        {
            var index = Array.FindIndex(Parameters, p => p.AsSpan().TrimEnd('=').SequenceEqual(name));
            if (index < 0)
                throw new JinjaException($"{Name}() has no argument '{name}'.");
            values[index] = values[index] == JinjaBound.Missing ? value : throw new JinjaException($"{Name}() got two values for its argument '{name}'.");
        }
        var missing = Array.FindIndex(values, v => v == JinjaBound.Missing);
        for (; missing >= 0; missing = Array.FindIndex(values, missing + 1, v => v == JinjaBound.Missing))
        {
            if (!Parameters[missing].EndsWith('='))
                throw new JinjaException($"{Name}() needs its argument '{Parameters[missing].TrimStart('/')}'.");
        }
        return values;
    }

    /// <summary>A table of functions by name.</summary>
    public sealed class Table : Dictionary<string, JinjaFunction>
    {
        /// <param name="names">The name and, behind blanks, other names for the same.</param>
        /// <param name="parameters">As above, separated by blanks; null for any.</param>
        /// <param name="body">Interpreter, the value it is applied to, the bound arguments; gives the result.</param>
        public void Add(string names, string? parameters, Func<JinjaInterpreter, object?, JinjaBound, object?> body)
        {
            foreach (var name in names.Split(' '))
                Add(name, new(name, parameters?.Split(' ', StringSplitOptions.RemoveEmptyEntries), body));
        }
    }
}

/// <summary>Arguments in the order of the parameters.</summary>
internal readonly struct JinjaBound(JinjaFunction function, object?[] values, JinjaArguments all)
{
    public static readonly object Missing = new();

    /// <summary>All arguments as they came.</summary>
    public JinjaArguments All => all;

    public object? this[int index] => values[index];

    public bool Has(int index) => values[index] != Missing;

    public object? Or(int index, object? fallback) => Has(index) ? values[index] : fallback;

    /// <summary>False where left out, else as Python judges it.</summary>
    public bool Flag(int index) => Has(index) && JinjaOperators.IsTrue(values[index]);

    public string Text(int index) => JinjaText.TryString(values[index], out var text)
        ? text
        : throw Wrong(index, "a string");

    public string? TextOrNone(int index) => Has(index) && values[index] is not null ? Text(index) : null;

    public long Integer(int index) => values[index] switch
    {
        long integer => integer,
        bool flag => flag ? 1 : 0,
        _ => throw Wrong(index, "an integer"),
    };

    public long Integer(int index, long fallback) => Has(index) ? Integer(index) : fallback;

    private JinjaException Wrong(int index, string expected) =>
        new($"{function.Name}() needs {expected} as '{function.Parameters![index].Trim('/', '=')}', found {JinjaText.TypeName(values[index])}{(values[index] is JinjaUndefined undefined ? $": {undefined.Reason}" : "")}.");
}
