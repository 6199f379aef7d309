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

    /// <summary>Counts that stand in an array.</summary>
    public ImmutableArray<int> Counts(string key, int least, int most)
    {
        var counts = file.Metadata.GetInts(Full(key));
        if (counts.Any(count => count < least || count > most))
            Throw(key, $"integers from {least} to {most}", string.Join(", ", counts.Take(8)));
        return [.. counts];
    }

    /// <summary>
    /// A count that a file gives once or for each layer: then the same for all that have it, and 0 for the others, such as the KV heads of layers without attention.
    /// </summary>
    public int CountOfLayers(string key, int least, int most, int fallback)
    {
        if (!file.Metadata.TryGet(Full(key), out var value) || !value.IsArray)
            return Count(key, least, most, fallback);
        var counts = Counts(key, 0, most).Where(count => count != 0).Distinct().ToArray();
        if (counts is not [var single] || single < least)
            Throw(key, $"one count of at least {least} for all layers that have any", counts.Length == 0 ? "none" : string.Join(", ", counts.Take(8)));
        return counts[0];
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
