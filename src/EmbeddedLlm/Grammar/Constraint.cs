using System.Text.Json;
using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Grammar.Masks;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Grammar;

/// <summary>
/// What an answer may be: a JSON schema, a regular expression, a grammar or a list of texts, compiled for one vocabulary.
/// Serves many answers at once, from any thread; each has a <see cref="ConstraintState"/> of its own. What one answer finds out serves the others.
/// </summary>
public sealed class Constraint
{
    private readonly Lock _lock = new();
    private readonly TokenTable _tokens;
    private readonly Automaton _automaton;
    private readonly MaskBuilder _masks;

    internal Constraint(ExprPool pool, List<Rule> rules, TokenTable tokens, IReadOnlyList<string> warnings)
    {
        if (!RuleSet.Seal(pool, rules, rules[0]))
            throw new ConstraintException("constraint", "root", "A text that matches was expected to exist, none does.");
        (_tokens, Warnings) = (tokens, warnings);
        pool.Limit = int.MaxValue;
        _automaton = new Automaton(pool, rules[0]);
        if (_automaton.Start.IsDead)
            throw new ConstraintException("constraint", "root", "A text that matches was expected to exist, none does.");
        _masks = new MaskBuilder(tokens, _automaton, new Coverage(pool, _automaton));
    }

    /// <summary>What was passed over while compiling; to be logged by whoever asked for it.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>The length of a mask: one bit for each token, in words of 64.</summary>
    public int MaskLength => _tokens.Words;

    internal TokenTable Tokens => _tokens;

    internal Row StartRow => _automaton.Start;

    /// <summary>Compiles a JSON schema.</summary>
    /// <param name="schema">The schema: an object or a boolean.</param>
    /// <param name="tokenizer">Whose tokens answers are made of.</param>
    /// <param name="options">How; see <see cref="ConstraintOptions"/>.</param>
    /// <exception cref="ConstraintException">It is malformed, allows nothing, passes a limit, or holds a keyword that cannot be enforced.</exception>
    public static Constraint FromJsonSchema(JsonElement schema, Tokenizer tokenizer, ConstraintOptions? options = null) =>
        Build(tokenizer, builder => builder.Schema(schema, options ?? new()));

    /// <summary>Compiles a grammar in GBNF.</summary>
    /// <exception cref="ConstraintException">It is malformed, matches nothing or passes a limit.</exception>
    public static Constraint FromGbnf(string grammar, Tokenizer tokenizer) => Build(tokenizer, builder => builder.Gbnf(grammar));

    /// <summary>Compiles a regular expression, which the whole text must match.</summary>
    /// <exception cref="ConstraintException">It is malformed, matches nothing, is not regular or passes a limit.</exception>
    public static Constraint FromRegex(string pattern, Tokenizer tokenizer) => Build(tokenizer, builder => builder.Regex(pattern));

    /// <summary>A constraint to one of some texts.</summary>
    /// <exception cref="ConstraintException">There are no texts.</exception>
    public static Constraint FromChoices(IEnumerable<string> choices, Tokenizer tokenizer) => Build(tokenizer, builder => builder.Choices(choices));

    /// <summary>The state before any text.</summary>
    public ConstraintState Start() => new(this);

    private static Constraint Build(Tokenizer tokenizer, Func<ConstraintBuilder, Expr> root)
    {
        var builder = new ConstraintBuilder(tokenizer);
        return builder.Build(root(builder));
    }

    internal void FillMask(Row row, Span<ulong> mask)
    {
        lock (_lock)
        {
            _automaton.Derivatives.Work = 0;
            _masks.Of(row).CopyTo(mask);
        }
    }

    /// <summary>The row after a token, or null where the token may not come.</summary>
    internal Row? Step(Row row, int token)
    {
        lock (_lock)
        {
            _automaton.Derivatives.Work = 0;
            _automaton.TrimIfLarge();
            var text = _tokens.Text(token);
            var next = text.IsEmpty || text[0] == 0 ? null : StepBytes(row, text, out _);
            next = _automaton.StepToken(row, token, next ?? _automaton.Dead);
            return next.IsDead ? null : next;
        }
    }

    /// <summary>The row after some bytes, or null; <paramref name="taken"/> says how many could be taken.</summary>
    internal Row? Step(Row row, ReadOnlySpan<byte> bytes, out int taken)
    {
        lock (_lock)
        {
            _automaton.Derivatives.Work = 0;
            return StepBytes(row, bytes, out taken);
        }
    }

    private Row? StepBytes(Row row, ReadOnlySpan<byte> bytes, out int taken)
    {
        for (taken = 0; taken < bytes.Length; taken++)
        {
            row = _automaton.Step(row, bytes[taken]);
            if (row.IsDead)
                return null;
        }
        return row;
    }

    /// <summary>The bytes that must come next, as far as there is one way on.</summary>
    internal int Forced(Row row, Span<byte> bytes)
    {
        lock (_lock)
        {
            _automaton.Derivatives.Work = 0;
            var count = 0;
            while (count < bytes.Length && !row.IsAccepting && OnlyByte(row) is { } only)
            {
                bytes[count++] = only;
                row = _automaton.Step(row, only);
            }
            return count;
        }
    }

    /// <summary>What may come next, for people.</summary>
    internal string Describe(Row row)
    {
        lock (_lock)
        {
            _automaton.Derivatives.Work = 0;
            var parts = new List<string>();
            for (var b = 0; b < 256; b++)
            {
                if (_automaton.Step(row, (byte)b).IsDead)
                    continue;
                var low = b;
                while (b < 255 && !_automaton.Step(row, (byte)(b + 1)).IsDead)
                    b++;
                parts.Add(low == b ? Show(low) : $"{Show(low)} to {Show(b)}");
            }
            if (_automaton.HasTokens(row))
                parts.Add("a token by itself");
            if (row.IsAccepting)
                parts.Add("the end");
            return string.Join(", ", parts);
        }
    }

    private static string Show(int b) => b is > 0x20 and < 0x7F ? $"{(char)b}" : $"0x{b:X2}";

    private byte? OnlyByte(Row row)
    {
        byte? only = null;
        for (var b = 0; b < 256; b++)
        {
            if (_automaton.Step(row, (byte)b).IsDead)
                continue;
            if (only is not null)
                return null;
            only = (byte)b;
        }
        return _automaton.HasTokens(row) ? null : only;
    }
}
