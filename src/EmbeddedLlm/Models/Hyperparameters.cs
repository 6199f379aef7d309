using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Models;

/// <summary>
/// The metadata under one prefix of a file (a family's name), read with bounds, since files come from strangers.
/// Every violation is a <see cref="ModelFormatException"/> that names file, key, expected and found.
/// </summary>
internal sealed class Hyperparameters(GgufFile file, string prefix)
{
    public string Prefix => prefix;

    public GgufFile File => file;

    public bool Contains(string key) => file.Metadata.Contains(Full(key));

    public string Text(string key, string fallback) => file.Metadata.GetString(Full(key), fallback);

    public bool Flag(string key, bool fallback) => file.Metadata.GetBool(Full(key), fallback);

    public int Count(string key, int least, int most)
    {
        var value = file.Metadata.GetLong(Full(key));
        if (value < least || value > most)
            Throw(key, $"an integer from {least} to {most}", value.ToString(CultureInfo.InvariantCulture));
        return (int)value;
    }

    public int Count(string key, int least, int most, int fallback) => Contains(key) ? Count(key, least, most) : fallback;

    /// <summary>A count for each layer, 0 for those without; a single one is that of all.</summary>
    public ImmutableArray<int> CountsOfLayers(string key, int layers, int most, int fallback)
    {
        if (!file.Metadata.TryGet(Full(key), out var value) || !value.IsArray)
            return [.. Enumerable.Repeat(Count(key, 1, most, fallback), layers)];
        var counts = Counts(key, 0, most);
        if (counts.Length != layers || counts.All(count => count == 0))
            Throw(key, $"{layers} integers from 0 to {most}, not all of them 0", $"[{string.Join(", ", counts.Take(8))}{(counts.Length > 8 ? ", …" : "")}]");
        return counts;
    }

    /// <summary>Whether something is so, for each layer.</summary>
    public ImmutableArray<bool> Flags(string key, int layers)
    {
        var flags = file.Metadata.GetBools(Full(key));
        if (flags.Count != layers)
            Throw(key, $"{layers} Booleans", $"{flags.Count}");
        return [.. flags];
    }

    /// <summary>Counts that stand in an array.</summary>
    public ImmutableArray<int> Counts(string key, int least, int most)
    {
        var counts = file.Metadata.GetInts(Full(key));
        if (counts.Any(count => count < least || count > most))
            Throw(key, $"integers from {least} to {most}", string.Join(", ", counts.Take(8)));
        return [.. counts];
    }

    public float Number(string key, float least, float most)
    {
        var value = file.Metadata.GetFloat(Full(key));
        if (!(value >= least && value <= most))
            Throw(key, string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"), value.ToString(CultureInfo.InvariantCulture));
        return value;
    }

    public float Number(string key, float least, float most, float fallback) => Contains(key) ? Number(key, least, most) : fallback;

    [DoesNotReturn]
    public void Throw(string key, string expected, string found) =>
        throw file.Metadata.Wrong(Full(key), expected, found);

    private string Full(string key) => $"{prefix}.{key}";
}
