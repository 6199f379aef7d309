namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>Schemas that must all hold, some of them negated. The same schemas are the same set, so recursion ends.</summary>
internal sealed class SchemaSet
{
    private readonly (int Node, bool IsNegated)[] _members;

    private SchemaSet((int, bool)[] members, bool isNever)
    {
        (_members, IsNever) = (members, isNever);
        Key = isNever ? "never" : string.Join(',', members.Select(member => member.Item2 ? $"-{member.Item1}" : $"{member.Item1}"));
    }

    /// <summary>Everything holds.</summary>
    public static SchemaSet Always { get; } = new([], false);

    /// <summary>Nothing holds.</summary>
    public static SchemaSet Never { get; } = new([], true);

    public bool IsNever { get; }

    public bool IsAlways => !IsNever && _members.Length == 0;

    public string Key { get; }

    public IReadOnlyList<(int Node, bool IsNegated)> Members => _members;

    public static SchemaSet Of(int node, bool isNegated = false) => new([(node, isNegated)], false);

    public SchemaSet And(SchemaSet other)
    {
        if (IsNever || other.IsAlways)
            return this;
        if (other.IsNever || IsAlways)
            return other;
        var members = _members.Union(other._members).Order().ToArray();
        return members.Zip(members.Skip(1)).Any(pair => pair.First.Node == pair.Second.Node) ? Never : new(members, false);
    }
}
