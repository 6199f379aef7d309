namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>Arrays of one kind: what holds of the first items, of all others, and what must be among them how often.</summary>
internal sealed record ArrayShape
{
    public IReadOnlyList<SchemaSet> First { get; init; } = [];

    public SchemaSet Rest { get; init; } = SchemaSet.Always;

    public int Min { get; init; }

    public int Max { get; init; } = -1;

    public IReadOnlyList<(SchemaSet Item, int Min, int Max)> Contains { get; init; } = [];

    /// <summary>Items from the first on that some schema looked at, for unevaluatedItems; -1 for all.</summary>
    public int Evaluated { get; init; }

    public SchemaSet At(int index) => index < First.Count ? First[index] : Rest;
}
